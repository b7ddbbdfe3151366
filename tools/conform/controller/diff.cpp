// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/diff.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/conform/controller/report.h"

namespace rlx::conform {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kLinesMost = 40;
/// By how much of its bound a result may move before it is worth a line.
constexpr double kWorstStep = 0.1;

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double number_of(const Json& json, const char* key, double otherwise) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : otherwise;
}

void take_case(const Json& json, RunRow& run) {
  CaseRow row;
  row.status = text_of(json, "status");
  row.worst = number_of(json, "worst", 0);
  if (const auto failures = json.find("failures"); failures != json.end() && failures->is_array() && !failures->empty() && (*failures)[0].is_object())
    row.seen = text_of((*failures)[0], "seen");
  const std::string id = text_of(json, "check") + "/" + text_of(json, "key");
  std::string name = id;
  for (int i = 2; run.cases.count(name); ++i) name = id + " (" + std::to_string(i) + ")";
  run.cases.emplace(std::move(name), std::move(row));
}

void take_line(const Json& json, RunRow& run) {
  const std::string type = text_of(json, "type");
  if (type == "run") {
    run.plugin = text_of(json, "plugin");
    run.version = text_of(json, "version");
    run.profile = text_of(json, "profile");
  } else if (type == "case") {
    take_case(json, run);
  } else if (type == "verdict") {
    run.ended = true;
    run.word = text_of(json, "word");
    run.level = static_cast<int>(number_of(json, "level", -1));
  }
}

bool holds(const std::string& status) { return status == "PASS" || status == "XPASS"; }
bool fails(const std::string& status) { return status == "FAIL" || status == "CRASH" || status == "HANG" || status == "HARNESS_ERROR"; }

std::string moved(const std::string& id, const CaseRow& before, const CaseRow& after) {
  std::string out = id + ": " + before.status + " -> " + after.status;
  return after.seen.empty() ? out : out + ", seen " + after.seen;
}

void compare_case(const std::string& id, const CaseRow& before, const CaseRow& after, RunDiff& diff) {
  if (before.status != after.status) {
    const bool worse = holds(before.status) || (fails(after.status) && !fails(before.status));
    const bool better = holds(after.status) || (fails(before.status) && !fails(after.status));
    (worse ? diff.worse : better ? diff.better : diff.other).push_back(moved(id, before, after));
  } else if (after.worst > before.worst + kWorstStep || after.worst < before.worst - kWorstStep) {
    diff.other.push_back(id + ": " + std::to_string(before.worst) + " -> " + std::to_string(after.worst) + " of its bound");
  }
}

std::string part(const char* title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string out = std::string("\n") + title + " (" + std::to_string(lines.size()) + ")\n";
  for (std::size_t i = 0; i < lines.size() && i < kLinesMost; ++i) out += "  " + clean(lines[i]) + "\n";
  if (lines.size() > kLinesMost) out += "  … and " + std::to_string(lines.size() - kLinesMost) + " more\n";
  return out;
}

std::string run_text(const char* name, const RunRow& run) {
  std::string out = std::string(name) + clean(run.plugin, 80) + " " + clean(run.version, 40) + ", profile " + clean(run.profile, 20) + ", " + std::to_string(run.cases.size()) + " cases: ";
  if (!run.ended) return out + "the run did not end\n";
  return out + clean(run.word, 40) + (run.level >= 0 ? ", level " + std::to_string(run.level) : std::string()) + "\n";
}

RunRow read_run(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  RunRow run;
  if (file) run = parse_run(std::string(std::istreambuf_iterator<char>(file), {}));
  else run.problem = "cannot be read";
  return run;
}

}  // namespace

RunRow parse_run(const std::string& text) {
  RunRow run;
  std::istringstream lines(text);
  bool begun = false;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded() || !json.is_object()) {
      if (begun && lines.eof()) continue;
      run.problem = "is no report of --json: `" + clean(line, 60) + "`";
      return run;
    }
    begun |= text_of(json, "type") == "run";
    take_line(json, run);
  }
  if (!begun) run.problem = "is no report of --json: no line of type run";
  return run;
}

RunDiff diff_runs(const RunRow& before, const RunRow& after) {
  RunDiff diff;
  for (const auto& [id, row] : before.cases) {
    const auto found = after.cases.find(id);
    if (found == after.cases.end())
      diff.gone.push_back(id + ": was " + row.status);
    else
      compare_case(id, row, found->second, diff);
  }
  for (const auto& [id, row] : after.cases)
    if (!before.cases.count(id)) (fails(row.status) ? diff.worse : diff.added).push_back(id + ": new, " + row.status);
  diff.lower_level = before.ended && (!after.ended || after.level < before.level);
  return diff;
}

std::string diff_text(const RunRow& before, const RunRow& after, const RunDiff& diff) {
  std::string out = run_text("before  ", before) + run_text("after   ", after);
  out += part("Worse", diff.worse) + part("Not run any more", diff.gone) + part("Better", diff.better) + part("New", diff.added) + part("Changed", diff.other);
  if (diff.lower_level) out += "\nThe level sank.\n";
  return out + "\nVERDICT: " + (diff.regressed() ? "worse" : "nothing is worse") + "\n";
}

int show_diff(const std::string& before, const std::string& after) {
  const RunRow first = read_run(before), second = read_run(after);
  for (const auto& [path, run] : {std::pair<const std::string&, const RunRow&>(before, first), {after, second}})
    if (!run.problem.empty()) {
      std::printf("rlx conform: `%s` %s\nVERDICT: usage\n", clean(path).c_str(), run.problem.c_str());
      return static_cast<int>(ExitCode::kUsage);
    }
  const RunDiff diff = diff_runs(first, second);
  std::fputs(diff_text(first, second, diff).c_str(), stdout);
  return diff.regressed() ? 1 : 0;
}

}  // namespace rlx::conform
