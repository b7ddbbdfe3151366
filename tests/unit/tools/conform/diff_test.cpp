// SPDX-License-Identifier: Apache-2.0
// Two runs beside each other: what counts as worse.
#include "tools/conform/controller/diff.h"

#include <gtest/gtest.h>

namespace rlx::conform {
namespace {

std::string row(const std::string& key, const std::string& status, const std::string& worst = "0") {
  return R"({"type":"case","check":"OPS-01","key":")" + key + R"(","status":")" + status + R"(","worst":)" + worst +
         R"(,"failures":[{"wanted":"1","seen":"2"}]})" + "\n";
}

RunRow run(const std::string& rows, int level = 3) {
  return parse_run(R"({"type":"run","plugin":"org.x","version":"1","profile":"ci"})"
                   "\n" + rows + R"({"type":"verdict","word":"conformant","level":)" + std::to_string(level) + "}\n");
}

TEST(Diff, SaysWhatBecameWorseBetterGoneAndNew) {
  const RunRow before = run(row("a", "PASS") + row("b", "FAIL") + row("c", "PASS") + row("d", "FAIL"));
  const RunRow after = run(row("a", "FAIL") + row("b", "PASS") + row("d", "CRASH") + row("e", "PASS") + row("f", "FAIL"));
  const RunDiff diff = diff_runs(before, after);
  EXPECT_EQ(diff.worse, (std::vector<std::string>{"OPS-01/a: PASS -> FAIL, seen 2", "OPS-01/f: new, FAIL"}));
  EXPECT_EQ(diff.better, (std::vector<std::string>{"OPS-01/b: FAIL -> PASS, seen 2"}));
  EXPECT_EQ(diff.gone, (std::vector<std::string>{"OPS-01/c: was PASS"}));
  EXPECT_EQ(diff.added, (std::vector<std::string>{"OPS-01/e: new, PASS"}));
  EXPECT_EQ(diff.other, (std::vector<std::string>{"OPS-01/d: FAIL -> CRASH, seen 2"}));
  EXPECT_TRUE(diff.regressed());
  EXPECT_NE(diff_text(before, after, diff).find("VERDICT: worse"), std::string::npos);
}

TEST(Diff, FindsEqualRunsEqualAndALowerLevelWorse) {
  const RunRow before = run(row("a", "PASS", "0.2") + row("a", "PASS"));
  EXPECT_EQ(before.cases.size(), 2u);
  EXPECT_FALSE(diff_runs(before, before).regressed());
  EXPECT_TRUE(diff_runs(before, run(row("a", "PASS", "0.2") + row("a", "PASS"), 2)).regressed());
  EXPECT_EQ(diff_runs(before, run(row("a", "PASS", "0.9") + row("a", "PASS"))).other.size(), 1u);
  EXPECT_TRUE(diff_runs(before, run(row("a", "UNSUPPORTED") + row("a", "PASS"))).regressed());
  EXPECT_FALSE(diff_runs(run(row("a", "SKIP")), run(row("a", "UNSUPPORTED"))).regressed());
}

TEST(Diff, ReadsAKilledRunAndNothingThatIsNoReport) {
  const RunRow cut = parse_run(R"({"type":"run","plugin":"org.x"})"
                               "\n" + row("a", "PASS") + R"({"type":"ca)");
  EXPECT_EQ(cut.problem, "");
  EXPECT_FALSE(cut.ended);
  EXPECT_EQ(cut.cases.size(), 1u);
  EXPECT_TRUE(diff_runs(run(row("a", "PASS")), cut).regressed());
  for (const char* text : {"", "text", "[1]", "{}", "{\"type\":\"run\"}\nnonsense\n{}\n", "\xff\xfe"}) EXPECT_NE(parse_run(text).problem, "") << text;
  for (const char* odd : {R"({"type":"run","plugin":7})", R"({"type":"case","check":[],"failures":[3]})", R"({"type":"verdict","level":"x"})"})
    EXPECT_EQ(parse_run(std::string("{\"type\":\"run\"}\n") + odd + "\n").problem, "") << odd;
}

}  // namespace
}  // namespace rlx::conform
