// SPDX-License-Identifier: Apache-2.0
// A child process that speaks lines of JSON.
#include "peers.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "peer_script.h"

extern char** environ;

namespace rlx_tool {
namespace {

using nlohmann::json;

rlx::Error broken(const std::string& name, const std::string& why) { return rlx::Error(rlx::ErrorCode::kUsage, "--against " + name + ": " + why); }

/// Two pipes and a child with the script on its command line; stderr goes nowhere. False with errno.
bool spawn(const std::vector<std::string>& words, int& to, int& from, int& process) {
  int down[2], up[2];
  if (::pipe2(down, O_CLOEXEC) != 0) return false;
  if (::pipe2(up, O_CLOEXEC) != 0) {
    ::close(down[0]), ::close(down[1]);
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, up[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(down[0]), ::close(up[1]);
  to = down[1], from = up[0], process = child;
  errno = failed;
  return failed == 0;
}

}  // namespace

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names = {"onnxruntime", "openvino"};
  return names;
}

rlx::Result<std::unique_ptr<Peer>> Peer::start(const std::string& name, const std::string& python, const std::string& model, unsigned threads) {
  std::unique_ptr<Peer> peer(new Peer);
  peer->name_ = name;
  ::signal(SIGPIPE, SIG_IGN);  // a child that is gone is an error message, not our end
  if (!spawn({python, "-c", kPeerScript, name, model, std::to_string(threads)}, peer->to_, peer->from_, peer->process_)) {
    peer->process_ = -1;
    return broken(name, "cannot start `" + python + "`: " + std::strerror(errno) + "; --python names another interpreter");
  }
  const auto line = peer->ask("");
  if (!line) return line.error();
  const json ready = json::parse(*line, nullptr, false);
  if (!ready.is_object()) return broken(name, "`" + python + "` does not answer as the script does");
  if (ready.contains("error")) return broken(name, "missing in `" + python + "`: " + ready.value("error", "") + "; --python names another interpreter");
  peer->version_ = ready.value("version", "");
  peer->load_ms_ = ready.value("load_ms", 0.0);
  return peer;
}

Peer::~Peer() {
  if (to_ >= 0) ::close(to_);  // the script ends with its input
  if (from_ >= 0) ::close(from_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

rlx::Result<std::string> Peer::ask(const std::string& line) {
  const std::string bytes = line.empty() ? "" : line + "\n";
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::write(to_, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken(name_, "its process is gone");
    sent += static_cast<std::size_t>(count);
  }
  for (;;) {
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string answer = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return answer;
    }
    char buffer[4096];
    const ssize_t count = ::read(from_, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken(name_, "its process ended without an answer");
    pending_.append(buffer, static_cast<std::size_t>(count));
  }
}

rlx::Result<std::vector<double>> Peer::run(const std::string& inputs, double seconds) {
  const auto line = ask(json{{"inputs", inputs}, {"seconds", seconds}}.dump());
  if (!line) return line.error();
  const json answer = json::parse(*line, nullptr, false);
  if (!answer.is_object() || !answer.contains("run_ms")) return broken(name_, answer.is_object() ? answer.value("error", "no answer") : "no answer");
  std::vector<double> times;
  for (const json& time : answer["run_ms"])
    if (time.is_number()) times.push_back(time.get<double>());
  if (times.empty()) return broken(name_, "ran nothing");
  return times;
}

}  // namespace rlx_tool
