// SPDX-License-Identifier: Apache-2.0
// Waivers: which files are refused, what is excused and what is not, and when one is of no use any more.
#include "tools/conform/controller/waivers.h"

#include <gtest/gtest.h>

#include "tools/conform/controller/conform.h"

namespace rlx::conform {
namespace {

const std::int64_t kToday = day_of("2026-06-01");

std::string row(const std::string& check = "ERR-04", const std::string& more = "expect = 'fail'", const std::string& expires = "2026-07-01") {
  return "[[waiver]]\nid = 'one'\ncheck = '" + check + "'\nplugin = 'org.x'\nversions = '>=1.2 <2'\nreason = 'a driver'\nissue = '#1'\nowner = 'me'\nexpires = " +
         expires + "\n" + more + "\n";
}

std::string problem_of(const std::string& text) { return parse_waivers(text, kToday).problem; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Facts facts(const std::string& version = "1.4.0-rc1") {
  Facts facts;
  facts.plugin_id = "org.x";
  facts.plugin_version = version;
  facts.kind = "cpu";
  facts.device_name = "AVX-512; 1 thread";
  facts.device_opened = true;
  return facts;
}

Waivers made(const std::string& text, const Facts& of = facts(), bool certify = false) {
  const WaiverFile file = parse_waivers(text, kToday);
  EXPECT_EQ(file.problem, "");
  return Waivers(file.waivers, of, kToday, certify);
}

Outcome outcome(const std::string& check, const std::string& key, CaseStatus status) {
  Outcome result;
  result.check = check;
  result.key = key;
  result.status = status;
  result.assertions = 5;
  return result;
}

/// The state of the file's one waiver after a run with these outcomes.
WaiverState after(Waivers waivers, std::vector<Outcome> outcomes, const std::vector<std::string>& known = {}) {
  for (Outcome& each : outcomes) waivers.take(each);
  waivers.finish(known, true, outcomes);
  return waivers.uses().at(0).state;
}

TEST(WaiverFile, ReadsEveryKey) {
  const WaiverFile file = parse_waivers(row("ERR-04", "expect = 'crash'\ndevice = 'cpu'"), kToday);
  ASSERT_EQ(file.problem, "");
  const Waiver& waiver = file.waivers.at(0);
  EXPECT_EQ(waiver.id + waiver.check + waiver.plugin + waiver.versions + waiver.device + waiver.expect, "oneERR-04org.x>=1.2 <2cpucrash");
  EXPECT_EQ(waiver.expires, day_of("2026-07-01"));
  EXPECT_EQ(parse_waivers(row("ERR-04", "expect = 'fail'", "'2026-07-01'"), kToday).problem, "");
}

TEST(WaiverFile, SaysWhatIsWrongAndWhere) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "[[waiver]]"},
      {"waiver = 3\n", "unknown key `waiver`"},
      {"[other]\n", "unknown key `other`"},
      {"[[waiver]\n", "line 1"},
      {row() + "color = 'red'\n", "waiver `one` at line 1: unknown key `color`"},
      {row("ERR-04", ""), "`expect` is missing"},
      {row("ERR-04", "expect = 'pass'"), "wanted fail, crash, hang or flaky"},
      {row("ERR-04", "expect = 3"), "`expect`: wanted a text"},
      {row("ERR"), "wanted one check"},
      {row("*"), "wanted one check"},
      {row("ERR-*"), "wanted one check"},
      {row("ERR-04/"), "wanted one check"},
      {row("ERR-04", "expect = 'fail'", "2026-12-31"), "in 213 days: wanted at most 180"},
      {row("ERR-04", "expect = 'fail'", "'soon'"), "wanted a date"},
      {row("ERR-04", "expect = 'fail'", "'2026-02-30'"), "wanted a date"},
      {replaced(row(), ">=1.2 <2", "latest"), "`versions`: `latest`"},
      {replaced(row(), "'me'", "''"), "`owner`: wanted a text that is not empty"},
      {row() + row(), "its id is used twice"},
  };
  for (const auto& [text, part] : cases) {
    EXPECT_NE(problem_of(text).find(part), std::string::npos) << text << "\n" << problem_of(text);
    EXPECT_TRUE(parse_waivers(text, kToday).waivers.empty());
  }
  EXPECT_NE(read_waivers("/nonexistent/file", kToday).problem, "");
  EXPECT_NE(read_waivers("/tmp", kToday).problem, "");
}

TEST(WaiverFile, RefusesWhatTheParserCannotRead) {
  EXPECT_EQ(problem_of(row() + "\nowner = 'Ren\xC3\xA9'").rfind("line 12: a character that is not ASCII", 0), 0u) << problem_of(row() + "\nowner = 'Ren\xC3\xA9'");
  const WaiverFile escaped = parse_waivers(replaced(row(), "'me'", "\"Ren\\u00e9\""), kToday);
  EXPECT_EQ(escaped.problem, "");
  EXPECT_EQ(escaped.waivers.at(0).owner, "Ren\xC3\xA9");
}

TEST(WaiverFile, ComparesVersionsByTheirNumbers) {
  EXPECT_TRUE(in_versions(">=1.2 <2", "1.10"));
  EXPECT_TRUE(in_versions("=1.2", "1.2.0"));
  EXPECT_TRUE(in_versions(">=1.2", "1.2.0-rc1+build"));
  EXPECT_FALSE(in_versions(">=1.2 <2", "2.0.0"));
  EXPECT_FALSE(in_versions("<=1.2", "1.2.1"));
  EXPECT_FALSE(in_versions(">1.2", "1.2.0"));
  EXPECT_FALSE(in_versions(">1.2", "unknown"));
  for (const char* range : {"", "1.2", "~1.2", ">=1.x", ">=1..2", ">= 1.2"}) EXPECT_NE(versions_problem(range), "") << range;
}

TEST(WaiverFile, KnowsTheDaysOfTheCalendar) {
  EXPECT_EQ(day_of("1970-01-01"), 0);
  EXPECT_EQ(day_of("2024-03-01") - day_of("2024-02-28"), 2);
  for (const char* text : {"", "2024-13-01", "2023-02-29", "24-01-01", "2024-1-01", "2024-01-0x", "1969-12-31"}) EXPECT_EQ(day_of(text), -1) << text;
}

TEST(Waivers, ExcuseOnlyWhatTheyExpect) {
  Waivers waivers = made(row("ERR-04/a*"));
  Outcome fails = outcome("ERR-04", "ab", CaseStatus::kFail), crashes = outcome("ERR-04", "ab", CaseStatus::kCrash),
          other = outcome("ERR-04", "b", CaseStatus::kFail), longer = outcome("ERR-05", "ab", CaseStatus::kFail);
  for (Outcome* each : {&fails, &crashes, &other, &longer}) waivers.take(*each);
  EXPECT_EQ(fails.status, CaseStatus::kWaived);
  EXPECT_EQ(fails.waived, CaseStatus::kFail);
  EXPECT_EQ(fails.waiver, "one");
  EXPECT_EQ(crashes.status, CaseStatus::kCrash);
  EXPECT_EQ(other.status, CaseStatus::kFail);
  EXPECT_EQ(longer.status, CaseStatus::kFail);
  EXPECT_EQ(waivers.used(), 1u);
}

TEST(Waivers, HoldToTheirLastDay) {
  Outcome last = outcome("ERR-04", "a", CaseStatus::kFail), late = last;
  Waivers waivers = made(row("ERR-04", "expect = 'fail'", "2026-06-01"));
  waivers.take(last);
  EXPECT_EQ(last.status, CaseStatus::kWaived);
  waivers = made(row("ERR-04", "expect = 'fail'", "2026-05-31"));
  waivers.take(late);
  EXPECT_EQ(late.status, CaseStatus::kFail);
  EXPECT_EQ(waivers.uses()[0].state, WaiverState::kExpired);
}

TEST(Waivers, EndWhereNothingFailsAnyMore) {
  std::vector<Outcome> outcomes = {outcome("ERR-04", "a", CaseStatus::kPass), outcome("ERR-04", "b", CaseStatus::kPass)};
  Waivers waivers = made(row());
  waivers.finish({}, true, outcomes);
  EXPECT_EQ(waivers.uses()[0].state, WaiverState::kUnneeded);
  EXPECT_EQ(outcomes[0].status, CaseStatus::kXpass);
  EXPECT_EQ(outcomes[0].waiver, "one");
  // One that excuses some of its cases is needed, and the others pass.
  outcomes = {outcome("ERR-04", "a", CaseStatus::kPass), outcome("ERR-04", "b", CaseStatus::kFail)};
  waivers = made(row());
  waivers.take(outcomes[1]);
  waivers.finish({}, true, outcomes);
  EXPECT_EQ(waivers.uses()[0].state, WaiverState::kUsed);
  EXPECT_EQ(outcomes[0].status, CaseStatus::kPass);
  // In profile quick nothing changes but the warning.
  outcomes = {outcome("ERR-04", "a", CaseStatus::kPass)};
  waivers = made(row());
  waivers.finish({}, false, outcomes);
  EXPECT_EQ(outcomes[0].status, CaseStatus::kPass);
  EXPECT_EQ(waivers.stale(), 1u);
}

TEST(Waivers, SayWhatTheyAreWorthInThisRun) {
  const std::vector<Outcome> none;
  EXPECT_EQ(after(made(row()), none), WaiverState::kUnmatched);
  EXPECT_EQ(after(made(row()), none, {"ERR-04/long"}), WaiverState::kNotRun);
  EXPECT_EQ(after(made(row()), {outcome("ERR-04", "a", CaseStatus::kUnsupported)}), WaiverState::kNotRun);
  EXPECT_EQ(after(made(row()), {outcome("ERR-04", "a", CaseStatus::kCrash)}), WaiverState::kNotRun);
  EXPECT_EQ(after(made(row(), facts("2.0")), none), WaiverState::kUnmatched);
  Facts other = facts();
  other.plugin_id = "org.y";
  EXPECT_EQ(after(made(row(), other), none), WaiverState::kElsewhere);
  EXPECT_EQ(after(made(row("ERR-04", "expect = 'fail'\ndevice = 'gpu'")), none), WaiverState::kElsewhere);
  EXPECT_EQ(after(made(row("ERR-04", "expect = 'fail'\ndevice = 'AVX*'")), none, {"ERR-04/x"}), WaiverState::kNotRun);
  EXPECT_EQ(after(made(row("ERR-04", "expect = 'flaky'")), {outcome("ERR-04", "a", CaseStatus::kPass)}), WaiverState::kNotRun);
}

TEST(Waivers, DoNotCertifyTheBorderOrMemory) {
  for (const char* check : {"LIF-01", "ABI-03/x", "MEM-01", "ERR-06"}) EXPECT_EQ(made(row(check), facts(), true).uses()[0].state, WaiverState::kForbidden) << check;
  EXPECT_EQ(made(row("ERR-05"), facts(), true).uses()[0].state, WaiverState::kNotRun);
  Outcome outcome_of_memory = outcome("MEM-01", "a", CaseStatus::kFail);
  Waivers waivers = made(row("MEM-01"), facts(), true);
  waivers.take(outcome_of_memory);
  EXPECT_EQ(outcome_of_memory.status, CaseStatus::kFail);
}

TEST(Waivers, LowerTheLevelShownAndEndInSixWhereTheyAreStale) {
  RunInfo info;
  info.facts = facts();
  info.plan.checks = {{"ERR-04", "fails cleanly", 2, 0, false}};
  info.plan.cases = {{0, "a", 1}, {0, "b", 1}};
  info.waivers = made(row());
  std::vector<Outcome> outcomes = {outcome("ERR-04", "a", CaseStatus::kFail), outcome("ERR-04", "b", CaseStatus::kPass)};
  info.waivers.take(outcomes[0]);
  info.waivers.finish({}, true, outcomes);
  info.options.profile = "ci";
  Verdict verdict = verdict_of(info, outcomes);
  EXPECT_EQ(verdict.code, ExitCode::kConformant);
  EXPECT_NE(verdict_line(info, verdict).find("level 2 with 1 waiver, of the 2 checked"), std::string::npos) << verdict_line(info, verdict);
  EXPECT_NE(text_waivers(info).find("waiver one: used: 1 of 2 cases"), std::string::npos) << text_waivers(info);
  info.waivers = made(row());
  outcomes = {outcome("ERR-04", "a", CaseStatus::kPass)};
  info.waivers.finish({}, true, outcomes);
  EXPECT_EQ(verdict_of(info, outcomes).code, ExitCode::kWaivers);
  info.waivers = made(row(), facts("2.1"));
  outcomes = {outcome("ERR-04", "a", CaseStatus::kPass)};
  info.waivers.finish({}, true, outcomes);
  EXPECT_EQ(verdict_of(info, outcomes).code, ExitCode::kWaivers);
  info.options.profile = "quick";
  EXPECT_EQ(verdict_of(info, outcomes).code, ExitCode::kConformant);
}

}  // namespace
}  // namespace rlx::conform
