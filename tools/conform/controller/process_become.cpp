// SPDX-License-Identifier: Apache-2.0
// For a debugger: this process becomes the worker, and a child of it listens and judges.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tools/conform/controller/process.h"

namespace rlx::conform {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Frames until the worker and all that it started have closed the stream.
ProcessResult listened(int pipe) {
  ProcessResult result;
  result.started = true;
  FrameReader reader;
  char bytes[16384];
  while (true) {
    const ssize_t count = ::read(pipe, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    reader.feed(bytes, static_cast<std::size_t>(count), result.frames);
  }
  for (const Frame& frame : result.frames)
    if (frame.kind == FrameKind::kPhase) result.phase = frame.payload;
  result.damaged = reader.damaged();
  return result;
}

/// A pipe that holds the text; -1 where it does not fit.
int holding(const std::string& text) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  const bool good = ::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 && ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(ends[1]);
  if (!good) ::close(ends[0]);
  return good ? ends[0] : -1;
}

}  // namespace

std::string become(ProcessRequest request, const std::function<void(const ProcessResult&)>& judged) {
  int ends[2];
  const int input = holding(request.input);
  if (input < 0 || ::pipe2(ends, O_CLOEXEC) != 0) return std::string("no pipe: ") + std::strerror(errno);
  const pid_t listener = ::fork();
  if (listener == 0) {
    ::close(ends[1]);
    // A Ctrl-C at the debugger's terminal is not meant for who listens.
    std::signal(SIGINT, SIG_IGN);
    judged(listened(ends[0]));
    std::_Exit(0);
  }
  std::string problem;
  if (listener < 0 || ::chdir(request.folder.c_str()) != 0 || ::dup2(input, STDIN_FILENO) < 0) {
    problem = std::strerror(errno);
  } else {
    // dup2 onto itself would leave the descriptor closed on exec.
    if (ends[1] == kReportFd)
      ::fcntl(kReportFd, F_SETFD, 0);
    else
      ::dup2(ends[1], kReportFd);
    std::vector<char*> argv = pointers(request.arguments), environment = pointers(request.environment);
    ::execvpe(argv[0], argv.data(), environment.data());
    problem = "`" + request.arguments[0] + "` cannot be started: " + std::strerror(errno);
  }
  if (listener > 0) ::kill(listener, SIGKILL);
  if (listener > 0) ::waitpid(listener, nullptr, 0);
  return problem;
}

}  // namespace rlx::conform
