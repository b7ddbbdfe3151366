// SPDX-License-Identifier: Apache-2.0
// What people and programs read: nothing that a plugin says may break it.
#include "tools/conform/controller/report.h"

#include "tools/conform/controller/certify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace rlx::conform {
namespace {

Outcome hostile() {
  Outcome outcome;
  outcome.check = "ABI-01";
  outcome.key = "all";
  outcome.seed = 7;
  outcome.status = CaseStatus::kFail;
  outcome.failures.push_back({"<a & \"b\">\n", std::string("\x1b[31mred\xff\0", 10), "query"});
  return outcome;
}

RunInfo info() {
  RunInfo info;
  info.target.path = "/tmp/it's a plugin.so";
  info.facts.plugin_id = "org.<example>";
  info.plan.checks = {{"ABI-01", "It exports one symbol.", 1, 0, false}};
  return info;
}

TEST(Report, CutsAndEscapesText) {
  EXPECT_EQ(clean("a\nb\x1b[0m\xc3"), "a b\\x1b[0m\\xc3");
  EXPECT_LE(clean(std::string(10'000, 'x'), 100).size(), 110u);
}

TEST(Report, ShowsRuleWantedSeenPhaseAndReplay) {
  const std::string text = text_failure(info(), hostile());
  for (const char* part : {"FAIL ABI-01/all", "It exports one symbol.", "wanted", "seen", "phase query", "--replay ABI-01/all:7"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_NE(text.find("'/tmp/it'\\''s a plugin.so'"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Report, CountsRefusalsByTheirReasons) {
  RunInfo run = info();
  Claim claim;
  claim.opcode = 1;
  claim.dtypes = std::uint64_t{1} << static_cast<unsigned>(DType::kF32);
  run.facts.claims = {claim};
  Outcome refused;
  refused.check = "OPS-02";
  refused.key = "one";
  refused.status = CaseStatus::kUnsupported;
  refused.refused = true;
  refused.reason = "opcode 9: too \x1b large";
  Outcome other = refused;
  other.reason = "opcode 3: odd";
  const std::string text = text_groups(run, {other, refused, refused});
  const std::size_t head = text.find("REFUSED inside the claims: 3 cases"), first = text.find("2 x opcode 9: too \\x1b large  (OPS-02/one)"), second = text.find("1 x opcode 3: odd");
  EXPECT_NE(head, std::string::npos) << text;
  EXPECT_LT(head, first) << text;
  EXPECT_LT(first, second) << text;
  EXPECT_NE(text.find("UNTESTED claims: 1 of 1 pairs of op and dtype:"), std::string::npos) << text;
  Verdict verdict;
  add(verdict.summary, refused);
  EXPECT_NE(verdict_line(run, verdict).find("; 1 refused inside the claims"), std::string::npos);
  run.options.filters = {"OPS-02"};
  EXPECT_EQ(text_groups(run, {hostile()}).find("UNTESTED"), std::string::npos);
}

TEST(Report, WritesXmlThatHoldsHostileText) {
  Verdict verdict;
  add(verdict.summary, hostile());
  const std::string text = junit(info(), {hostile()}, verdict);
  EXPECT_NE(text.find("failures=\"1\""), std::string::npos) << text;
  EXPECT_NE(text.find("&lt;a &amp; &quot;b&quot;&gt;"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Report, WritesALinePerCase) {
  const auto path = std::filesystem::temp_directory_path() / ("rlx-report-" + std::to_string(::getpid()));
  {
    JsonReport json(path.string());
    ASSERT_TRUE(json.good());
    json.begin(info());
    json.outcome(info(), hostile());
    json.end(info(), {}, Verdict());
  }
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::filesystem::remove(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_NE(text.find("\"status\":\"FAIL\""), std::string::npos) << text;
}

TEST(Certify, SaysWhatTheRunFound) {
  RunInfo of = info();
  of.options.seed = 5;
  of.options.fresh = {6};
  of.options.profile = "ci";
  of.target.digest = "0123";
  Verdict verdict;
  verdict.level = 3;
  verdict.checked_to = 4;
  add(verdict.summary, Outcome());
  const Certificate made = certificate_of(of, verdict, "abc", day_of("2026-06-01"));
  EXPECT_EQ(made.file_hash, "0123");
  EXPECT_EQ(made.level, 3);
  EXPECT_EQ(made.seeds, (std::vector<std::string>{"5", "6"}));
  EXPECT_EQ(made.date, "2026-06-01");
  EXPECT_EQ(made.profile, "ci");
  EXPECT_NE(made.strength, "");
  EXPECT_NE(certificate_refusal(of, verdict), "");  // its file is not there
  of.options.filters = {"LIF"};
  EXPECT_EQ(certificate_refusal(of, verdict), "only a part was run");
}

TEST(Plan, RunsNumericCasesWithFreshSeedsToo) {
  Plan plan;
  plan.checks = {{"ABI-01", "", 1, 0, false}, {"OPS-01", "", 3, 0, true}};
  plan.cases = {{0, "all", 0}, {1, "add", 0}};
  Options options;
  options.fresh = {7, 8};
  const Plan chosen = chosen_plan(plan, options);
  ASSERT_EQ(chosen.cases.size(), 4u);
  EXPECT_NE(chosen.cases[1].seed, chosen.cases[2].seed);
  EXPECT_NE(chosen.cases[2].seed, chosen.cases[3].seed);
}

TEST(Report, SaysWhereItCannotWrite) { EXPECT_FALSE(JsonReport("/nonexistent/folder/file").good()); }

}  // namespace
}  // namespace rlx::conform
