// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rlx::conform {

struct Options {
  std::string plugin;
  std::string profile = "quick";  ///< quick, ci, full
  int level = 6;                  ///< the highest that is run
  std::uint64_t seed = 1;
  std::vector<std::string> filters;  ///< globs over "ABI-03/key"; a plain "ABI" or "ABI-03" stands for all below it
  std::vector<std::string> replays;  ///< CASE or CASE:seed
  std::string list;                  ///< "", "text" or "markdown"
  std::string json, junit;           ///< files, empty = none
  std::string waivers;               ///< file, empty = none
  unsigned jobs = 1;
  std::uint64_t timeout_ms = 10'000;  ///< of one phase of a case
  std::vector<std::string> pass;      ///< environment variables that the plugin may see
  std::string wrap;                   ///< words before the worker: "valgrind -q"
  bool verbose = false;
  bool help = false;
  std::string problem;  ///< why the command line is refused
};

Options parse_options(const std::vector<std::string>& arguments);
std::string usage_text();

/// '*' any text, '?' one character. A pattern without '/' and '*' stands for the group or check of that name.
bool glob_match(const std::string& pattern, const std::string& id);

/// "LIF-01/all:42" -> {"LIF-01/all", 42}; without a seed 0 and false.
struct Replay {
  std::string id;
  std::uint64_t seed = 0;
  bool has_seed = false;
};
Replay parse_replay(const std::string& text);

}  // namespace rlx::conform
