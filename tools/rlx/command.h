// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: their signature, exit codes, options that several have, and how an error is shown.
#pragma once

#include <rlx/host/runtime.hpp>

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace rlx_tool {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// Arguments after the subcommand's name.
using Arguments = std::vector<std::string>;

int plugins_command(const Arguments& arguments);
int run_command(const Arguments& arguments);
int inspect_command(const Arguments& arguments);
int check_command(const Arguments& arguments);
int compile_command(const Arguments& arguments);
int cache_command(const Arguments& arguments);
int bench_command(const Arguments& arguments);
int new_plugin_command(const Arguments& arguments);
int explain_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int bisect_command(const Arguments& arguments);
int conform_command(const Arguments& arguments);

/// Prints "rlx: RLX-E0101: …" to stderr, and how to learn more; returns kFailed (kUsage for kUsage errors).
int report(const rlx::Error& error);

/// --plugins, --only-plugins, --require-level, --threads, --memory-budget.
struct SearchOptions {
  std::vector<std::string> plugins;
  bool only_plugins = false;
  unsigned threads = 0;
  std::uint64_t memory_mib = 0;
  int require_level = 0;
  rlx::Trace trace;  ///< handed to the runtime
  void describe(boost::program_options::options_description& options);
  rlx::RuntimeOptions runtime() const;
};

/// --trace FILE.json: records from here on where it is given; written by write().
struct TraceOption {
  std::string path;
  void describe(boost::program_options::options_description& options);
  /// Call it before the runtime is made.
  void start(SearchOptions& search) const;
  /// Errors: kFileUnwritable. Does nothing without --trace.
  rlx::Status write(const SearchOptions& search, bool quiet) const;
};

/// Parses; on --help prints `usage` and the options. Returns an exit code to stop with, or -1 to go on.
int parse(const Arguments& arguments, const boost::program_options::options_description& options,
          const boost::program_options::positional_options_description& positional, const char* usage);

/// "batch=8" -> {"batch", "8"}. Errors: kUsage naming the option and what was seen.
rlx::Result<std::pair<std::string, std::string>> split_assignment(const std::string& option, const std::string& text);

/// Errors: kUsage for what is no integer.
rlx::Result<std::int64_t> parse_integer(const std::string& what, const std::string& text);

}  // namespace rlx_tool
