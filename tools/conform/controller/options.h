// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rlx::conform {

inline constexpr char kToolName[] = "rlx conform 0.1.0";
/// Options::certify of a plain `--certify`.
inline constexpr char kBesidePlugin[] = "beside the plugin";

struct Options {
  std::string plugin;
  std::string profile = "quick";  ///< quick, ci, full; "certify" is read as full with --bundle
  int level = 6;                  ///< the highest that is run
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> fresh_count;  ///< further seeds that nobody has seen before, for the numeric checks
  std::vector<std::uint64_t> fresh;          ///< these, once the run has begun
  std::string certify;                       ///< file of the certificate; kBesidePlugin; empty = none
  std::string bundle;                        ///< file of the bundle; kBesidePlugin; empty = none
  std::string verify_bundle;                 ///< file of a bundle to be looked at; empty = none
  std::vector<std::string> filters;  ///< globs over "ABI-03/key"; a plain "ABI" or "ABI-03" stands for all below it
  std::vector<std::string> replays;  ///< CASE or CASE:seed
  std::string list;                  ///< "", "text" or "markdown"
  std::string json, junit, html;     ///< files, empty = none
  std::string waivers;               ///< file, empty = none
  std::string baseline;              ///< an earlier build of the plugin, empty = none
  std::string shrink;                ///< folder for small cases, empty = none
  unsigned jobs = 1;
  std::uint64_t timeout_ms = 10'000;  ///< of one phase of a case
  std::optional<std::uint64_t> time_limit_s;  ///< of all cases, 0: none; unset: by profile
  std::uint64_t memory_mib = 0;       ///< the most that a case may take, 0: a share of the machine's
  std::vector<std::string> pass;      ///< environment variables that the plugin may see
  std::string wrap;                   ///< words before the worker: "valgrind -q"
  std::string worker;                 ///< words in the place of the worker
  bool verbose = false;
  bool in_process = false;            ///< this process becomes the worker of the one case
  std::vector<std::string> diff;      ///< two files of --json
  bool help = false;
  /// The master seed, then the fresh ones.
  std::vector<std::uint64_t> seeds() const {
    std::vector<std::uint64_t> all = {seed};
    all.insert(all.end(), fresh.begin(), fresh.end());
    return all;
  }
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
