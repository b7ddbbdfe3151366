// SPDX-License-Identifier: Apache-2.0
// rlx: one binary, one file per subcommand; options and printing only. Everything it does, librlx does.
#include <rlx/host/report.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "command.h"

namespace {

struct Command {
  const char* name;
  int (*run)(const rlx_tool::Arguments&);
  const char* what;
};

constexpr Command kCommands[] = {
    {"plugins", rlx_tool::plugins_command, "list backends, or say why one is not used"},
    {"run", rlx_tool::run_command, "run a model on given or random inputs"},
    {"check", rlx_tool::check_command, "say before anything runs: will it, where, how big"},
    {"inspect", rlx_tool::inspect_command, "show a model at any stage, its manifest, its dispatch"},
    {"compile", rlx_tool::compile_command, "write a package that starts without an importer, or fill a cache folder"},
    {"cache", rlx_tool::cache_command, "list, explain, clean and verify compiled variants and packages"},
    {"bench", rlx_tool::bench_command, "latency, throughput and cold start across shapes, beside other runtimes"},
    {"conform", rlx_tool::conform_command, "check whether a plugin keeps the contract"},
    {"verify", rlx_tool::verify_command, "compare a model's results on a device with the float64 reference, within its bounds"},
    {"bisect", rlx_tool::bisect_command, "name the first op whose result is past its bound"},
    {"new-plugin", rlx_tool::new_plugin_command, "write the project of a backend that works"},
    {"explain", rlx_tool::explain_command, "say what an error code means and what to do"},
};

/// What libraries throw ends here: memory that there is not, most of all.
int guarded(const Command& command, const rlx_tool::Arguments& arguments) {
  try {
    return command.run(arguments);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "rlx: %s failed: %s\n", command.name, exception.what());
    return rlx_tool::kFailed;
  }
}

int usage(std::FILE* out) {
  std::fprintf(out, "Usage: rlx COMMAND [options]\n\nCommands\n");
  for (const Command& command : kCommands) std::fprintf(out, "  %-10s %s\n", command.name, command.what);
  std::fprintf(out, "\n`rlx COMMAND --help` shows the options. Exit codes: 0 done, 1 failed, 2 usage.\n");
  return out == stdout ? rlx_tool::kDone : rlx_tool::kUsage;
}

int dispatch(int argc, char** argv) {
  if (argc < 2) return usage(stderr);
  if (!std::strcmp(argv[1], "--help") || !std::strcmp(argv[1], "-h") || !std::strcmp(argv[1], "help")) return usage(stdout);
  if (!std::strcmp(argv[1], "--version")) {
    std::printf("rlx %.*s\n", static_cast<int>(rlx::version().size()), rlx::version().data());
    return rlx_tool::kDone;
  }
  for (const Command& command : kCommands)
    if (!std::strcmp(argv[1], command.name)) return guarded(command, rlx_tool::Arguments(argv + 2, argv + argc));
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  std::fprintf(stderr, "rlx: no command `%s`; %s\n\n", argv[1], rlx::did_you_mean_text(argv[1], names).c_str());
  return usage(stderr);
}

/// What a full disk or a closed stream did to stdout is an error of every command.
int ended(int code) {
  errno = 0;
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (written) return code;
  const std::string why = errno ? std::strerror(errno) : "a write failed";
  const int failed = rlx_tool::report(rlx::Error(rlx::ErrorCode::kFileUnwritable, "standard output: " + why));
  return code == rlx_tool::kDone ? failed : code;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error like a full disk
  return ended(dispatch(argc, argv));
}
