// SPDX-License-Identifier: Apache-2.0
// The page: complete in itself, and nothing that a plugin says is more than text in it. And the coverage that it shows.
#include "tools/conform/controller/report_html.h"

#include <gtest/gtest.h>
#include <rlx/ops.h>

#include "tools/conform/controller/coverage.h"
#include "tools/conform/numeric/stock.h"

namespace rlx::conform {
namespace {

const char kHostile[] = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&";

Outcome failing(const std::string& text) {
  Outcome outcome;
  outcome.check = "OPS-01";
  outcome.key = "a/" + text;
  outcome.seed = 7;
  outcome.status = CaseStatus::kFail;
  outcome.failures.push_back({text, text, text});
  outcome.notes = {text};
  outcome.stack = text + "\n" + text;
  outcome.printed = outcome.reason = text;
  return outcome;
}

RunInfo info(const std::string& text) {
  RunInfo info;
  info.target.path = "/tmp/" + text + ".so";
  info.target.build_id = text;
  info.facts.plugin_id = info.facts.plugin_version = info.facts.device_name = info.facts.fingerprint = info.facts.kind = text;
  info.facts.device_opened = true;
  info.facts.claims = {{1, 1, 1, 8, std::uint64_t{1} << 12, ~std::uint64_t{0}, 0, 1, 0}};
  info.plan.checks = {{"OPS-01", "Every element lies within its bound.", 3, 0, true}};
  return info;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Html, HoldsHostileTextAsText) {
  const std::string page = html(info(kHostile), {failing(kHostile)}, Verdict());
  EXPECT_EQ(count_of(page, "<script"), 1u);
  EXPECT_EQ(count_of(page, "<img"), 0u);
  EXPECT_EQ(count_of(page, "onerror='"), 0u);
  EXPECT_GT(count_of(page, "&lt;script&gt;"), 5u);
  const std::string control = html(info("a\x01\x1b[2J\xff"), {failing(std::string(100'000, 'x'))}, Verdict());
  EXPECT_EQ(control.find('\x1b'), std::string::npos);
  EXPECT_EQ(control.find('\xff'), std::string::npos);
  EXPECT_LT(control.size(), 40'000u);
}

TEST(Html, LoadsNothingAndShowsHowToSeeAFailureAgain) {
  const std::string page = html(info("org.x"), {failing("wrong")}, Verdict());
  for (const char* part : {"src=", "href=", "url(", "@import", "http:", "https:"}) EXPECT_EQ(count_of(page, part), 0u) << part;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.find("rlx conform /tmp/org.x.so --replay OPS-01/a/wrong:7"), std::string::npos) << page;
  EXPECT_NE(page.find("prefers-color-scheme: dark"), std::string::npos);
}

TEST(Html, CountsWhatItDoesNotShow) {
  const std::string page = html(info("org.x"), std::vector<Outcome>(1000, failing("wrong")), Verdict());
  EXPECT_EQ(count_of(page, "<details class=\"fail\""), 200u);
  EXPECT_NE(page.find("800 more are in the JSON report"), std::string::npos);
}

TEST(Html, CallsNoFailureExact) {
  Outcome outcome = failing("wrong");
  outcome.covers = {{RLX_OP_BINARY, static_cast<std::uint32_t>(DType::kF32), true}};
  outcome.elements = 9;
  const std::string failed = html(info("org.x"), {outcome}, Verdict());
  EXPECT_NE(failed.find("title=\"9 elements compared\">failed</td>"), std::string::npos) << failed;
  EXPECT_EQ(failed.find(">exact</td>"), std::string::npos);
  outcome.status = CaseStatus::kPass;
  EXPECT_NE(html(info("org.x"), {outcome}, Verdict()).find(">exact</td>"), std::string::npos);
}

TEST(Coverage, CountsClaimedPairsThatWereCompared) {
  Facts facts;
  facts.claims = {{RLX_OP_BINARY, 1, 1, 8, std::uint64_t{1} << static_cast<unsigned>(DType::kF32) | std::uint64_t{1} << static_cast<unsigned>(DType::kI32), 0, 0, 1, 0}};
  Outcome outcome;
  outcome.covers = {{RLX_OP_BINARY, static_cast<std::uint32_t>(DType::kF32), true}};
  outcome.status = CaseStatus::kPass;
  outcome.elements = 9;
  outcome.worst = 0.25;
  outcome.measured = true;
  const Coverage coverage = coverage_of(facts, {outcome});
  EXPECT_EQ(coverage.claimed, 2u);
  EXPECT_EQ(coverage.tested, 1u);
  EXPECT_EQ(coverage.untested, std::vector<std::string>{"binary i32"});
  const Cell& cell = coverage.ops.at("binary").at(static_cast<std::uint32_t>(DType::kF32));
  EXPECT_EQ(cell.passed, 1u);
  EXPECT_EQ(cell.worst, 0.25);
  outcome.status = CaseStatus::kNotRun;
  EXPECT_EQ(coverage_of(facts, {outcome}).tested, 0u);
}

TEST(Coverage, ReadsTheOpsOfAnImage) {
  const auto images = stock_images();
  ASSERT_TRUE(images);
  bool found = false;
  for (const StockImage& image : *images) {
    Outcome outcome;
    note_covers(image.bytes, outcome);
    for (const Cover& cover : outcome.covers) found |= cover.opcode == RLX_OP_BINARY && cover.dtype == static_cast<std::uint32_t>(DType::kF32) && cover.alone;
  }
  EXPECT_TRUE(found);
  Outcome none;
  note_covers("no image", none);
  EXPECT_TRUE(none.covers.empty());
}

}  // namespace
}  // namespace rlx::conform
