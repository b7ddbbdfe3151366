// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

#include "runtime/base/names.h"

namespace rlx::conform {
namespace {

bool parse_number(const std::string& text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

using Setter = std::function<std::string(Options&, const std::string&)>;

Setter number_setter(std::uint64_t least, std::uint64_t most, const std::function<void(Options&, std::uint64_t)>& set) {
  return [=](Options& options, const std::string& text) {
    std::uint64_t number = 0;
    if (!parse_number(text, number) || number < least || number > most)
      return "`" + text + "`: wanted a number from " + std::to_string(least) + " to " + std::to_string(most);
    set(options, number);
    return std::string();
  };
}

Setter text_setter(const std::function<void(Options&, const std::string&)>& set) {
  return [=](Options& options, const std::string& text) {
    set(options, text);
    return std::string(text.empty() ? "wanted a text, seen nothing" : "");
  };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table = {
      {"--profile",
       [](Options& options, const std::string& text) {
         options.profile = text;
         const bool known = text == "quick" || text == "ci" || text == "full" || text == "certify";
         return known ? std::string() : "`" + text + "`: wanted quick, ci, full or certify";
       }},
      {"--level", number_setter(1, 6, [](Options& o, std::uint64_t n) { o.level = static_cast<int>(n); })},
      {"--seed", number_setter(0, UINT64_MAX, [](Options& o, std::uint64_t n) { o.seed = n; })},
      {"--jobs", number_setter(1, 256, [](Options& o, std::uint64_t n) { o.jobs = static_cast<unsigned>(n); })},
      {"--timeout-ms", number_setter(1, 3'600'000, [](Options& o, std::uint64_t n) { o.timeout_ms = n; })},
      {"--time-limit", number_setter(0, 30 * 86'400, [](Options& o, std::uint64_t n) { o.time_limit_s = n; })},
      {"--memory-mib", number_setter(1, std::uint64_t{1} << 30, [](Options& o, std::uint64_t n) { o.memory_mib = n; })},
      {"--fresh-seeds", number_setter(0, 100, [](Options& o, std::uint64_t n) { o.fresh_count = n; })},
      {"--certify", text_setter([](Options& o, const std::string& t) { o.certify = t; })},
      {"--bundle", text_setter([](Options& o, const std::string& t) { o.bundle = t; })},
      {"--verify-bundle", text_setter([](Options& o, const std::string& t) { o.verify_bundle = t; })},
      {"--worker", text_setter([](Options& o, const std::string& t) { o.worker = t; })},
      {"--filter", text_setter([](Options& o, const std::string& t) { o.filters.push_back(t); })},
      {"--case", text_setter([](Options& o, const std::string& t) { o.replays.push_back(t); })},
      {"--replay", text_setter([](Options& o, const std::string& t) { o.replays.push_back(t); })},
      {"--json", text_setter([](Options& o, const std::string& t) { o.json = t; })},
      {"--html", text_setter([](Options& o, const std::string& t) { o.html = t; })},
      {"--baseline", text_setter([](Options& o, const std::string& t) { o.baseline = t; })},
      {"--shrink", text_setter([](Options& o, const std::string& t) { o.shrink = t; })},
      {"--junit", text_setter([](Options& o, const std::string& t) { o.junit = t; })},
      {"--waivers", text_setter([](Options& o, const std::string& t) { o.waivers = t; })},
      {"--env", text_setter([](Options& o, const std::string& t) { o.pass.push_back(t); })},
      {"--wrap", text_setter([](Options& o, const std::string& t) { o.wrap = t; })},
  };
  return table;
}

bool take_flag(Options& options, const std::string& argument) {
  if (argument == "--help" || argument == "-h") return options.help = true;
  if (argument == "--verbose" || argument == "-v") return options.verbose = true;
  if (argument == "--in-process") return options.in_process = true;
  if (argument == "--certify") return options.certify = kBesidePlugin, true;
  if (argument == "--bundle") return options.bundle = kBesidePlugin, true;
  if (argument == "--list") return options.list = "text", true;
  if (argument == "--list=markdown") return options.list = "markdown", true;
  return false;
}

/// What one option asks for beside itself.
void settle(Options& options) {
  if (options.profile == "certify") {
    options.profile = "full";
    if (options.bundle.empty()) options.bundle = kBesidePlugin;
  }
  if (!options.bundle.empty() && options.certify.empty()) options.certify = kBesidePlugin;
}

/// The two files behind --diff.
bool take_diff(const std::vector<std::string>& arguments, std::size_t& i, Options& options) {
  if (arguments[i] != "--diff") return false;
  if (i + 2 >= arguments.size()) return options.problem = "--diff: wanted two files of --json", true;
  options.diff = {arguments[i + 1], arguments[i + 2]};
  i += 2;
  return true;
}

/// Reports are written where nothing that is read lies, into folders that are there.
std::string output_problem(const Options& options) {
  namespace fs = std::filesystem;
  const std::pair<const char*, const std::string*> outputs[] = {
      {"--json", &options.json}, {"--html", &options.html}, {"--junit", &options.junit}, {"--certify", &options.certify}, {"--bundle", &options.bundle}};
  for (const auto& [name, path] : outputs) {
    if (path->empty() || *path == kBesidePlugin) continue;
    std::error_code error;
    for (const std::string* read : {&options.plugin, &options.waivers, &options.baseline})
      if (!read->empty() && fs::equivalent(*path, *read, error)) return std::string(name) + ": `" + *path + "` would overwrite `" + *read + "`, which is read";
    const fs::path folder = fs::path(*path).has_parent_path() ? fs::path(*path).parent_path() : ".";
    if (!fs::exists(*path, error) && ::access(folder.c_str(), W_OK) != 0)
      return std::string(name) + ": `" + *path + "` cannot be written: folder `" + folder.string() + "`: " + std::strerror(errno);
    if (fs::is_directory(*path, error)) return std::string(name) + ": `" + *path + "` is a folder";
  }
  return {};
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size() && options.problem.empty(); ++i) {
    const std::string& argument = arguments[i];
    if (take_flag(options, argument) || take_diff(arguments, i, options)) continue;
    if (!argument.starts_with("-")) {
      if (!options.plugin.empty()) options.problem = "one plugin at a time: `" + options.plugin + "` and `" + argument + "`";
      options.plugin = argument;
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto found = setters().find(name);
    if (found == setters().end()) {
      std::vector<std::string> known;
      for (const auto& [option, setter] : setters()) known.push_back(option);
      options.problem = "no option `" + name + "`; " + did_you_mean(name, known, 3);
    } else if (equals == std::string::npos && i + 1 == arguments.size()) {
      options.problem = name + ": wanted a value";
    } else {
      const std::string problem = found->second(options, equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1));
      if (!problem.empty()) options.problem = name + ": " + problem;
    }
  }
  settle(options);
  if (options.problem.empty() && options.in_process && options.replays.size() != 1) options.problem = "--in-process: wanted one --case";
  if (options.problem.empty() && !options.help && options.list.empty() && options.diff.empty() && options.verify_bundle.empty() && options.plugin.empty())
    options.problem = "wanted the file of a plugin";
  if (options.problem.empty()) options.problem = output_problem(options);
  return options;
}

std::string usage_text() {
  return R"(Usage: rlx conform PLUGIN.so [options]
       rlx conform --diff BEFORE.json AFTER.json
       rlx conform --verify-bundle FILE [PLUGIN.so]

Tells whether a plugin keeps the contract. Each case runs in a process of its own: a crash or a hang is a result.

What is run
  --profile P        quick (default), ci or full: how much is run; certify: full, with --bundle
  --level N          no check above level N (1 loads, 2 safe, 3 correct, 4 composes, 5 robust, 6 fast)
  --filter GLOB      only cases that match: "ABI", "ABI-03", "ABI-03/rlx_open_in*"; repeatable
  --replay CASE      one case again, as it is printed with a failure: CASE or CASE:seed; repeatable
  --seed N           master seed; the same seed gives the same cases the same data (default 1)
  --fresh-seeds N    runs numeric cases with N further random seeds too, which the last line names
  --list             the checks; with PLUGIN.so also its cases. --list=markdown for the documentation

  --baseline OLD.so  PRF-04: times beside those of OLD.so, by turns in one process; exit code 7 where only it fails

How it is run
  --jobs N           N cases at once (default 1)
  --timeout-ms N     the longest that one call may take before it counts as hung (default 10000)
  --time-limit S     no further case is begun after S seconds (default: about ten times what the profile takes; 0: none),
                     nor after ten hangs; what is left is NOT_RUN, and the run vacuous
  --memory-mib N     the most memory of a case, which is ended beyond it (default: three quarters of the machine's, parted
                     among the --jobs)
  --env NAME         let the plugin see this environment variable; repeatable
  --wrap 'WORDS'     put WORDS before the worker, for instance 'valgrind -q'
  --in-process --case ID   this process becomes the worker of one case, for a debugger:
                     gdb --args rlx conform PLUGIN.so --in-process --case ID
  --worker 'WORDS'   start WORDS in the place of the worker, with its arguments

What is excused
  --waivers FILE     TOML: known failures with a reason, an owner and an end; they stay visible and lower the level shown

What is reported
  --json FILE        one JSON object per line, written as cases end
  --diff A B         two files of --json: what became worse or better. Exit code 1 where something became worse
  --html FILE        one page, complete in itself: coverage, accuracy, failures with the line that shows them again
  --junit FILE       JUnit XML
  --shrink FOLDER    cut the first failing numeric cases small, and leave image, data and a program in C of each there
  --certify[=FILE]   where the plugin is conformant, write PLUGIN.so.rlxcert (or FILE): what this run found, for this file
                     alone. Waivers of LIF, ABI, MEM and ERR-06 do not count.
  --bundle[=FILE]    --certify, and all that the certificate rests on as PLUGIN.so.rlxbundle.zip (or FILE): report, page,
                     waivers, seeds, machine, checks and hashes
  --verify-bundle FILE   whether a bundle fits together, its report comes to its certificate, and both are of PLUGIN.so:
                     exit code 0 it holds, 1 something differs, which is named
  -v, --verbose      a line per case

Exit codes: 0 conformant at what was run; 1 failures; 2 usage; 3 the plugin could not be loaded or negotiated with;
4 a fault of this tool; 5 vacuous: too little was asserted, no device, or nothing matched; 6 waivers that are invalid,
expired or needed no longer; 7 only slower; 8 only flaky or weak cases. The last line is always `VERDICT: …`.
)";
}

bool glob_match(const std::string& pattern, const std::string& id) {
  if (pattern.find_first_of("/*?") == std::string::npos)
    return id == pattern || (id.starts_with(pattern) && (id[pattern.size()] == '/' || id[pattern.size()] == '-'));
  std::size_t p = 0, i = 0, star = std::string::npos, mark = 0;
  while (i < id.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == id[i]) && pattern[p] != '*') {
      ++p, ++i;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = i;
    } else if (star != std::string::npos) {
      p = star + 1;
      i = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Replay parse_replay(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Replay replay{text, 0, false};
  if (colon != std::string::npos && parse_number(text.substr(colon + 1), replay.seed)) {
    replay.id = text.substr(0, colon);
    replay.has_seed = true;
  }
  return replay;
}

}  // namespace rlx::conform
