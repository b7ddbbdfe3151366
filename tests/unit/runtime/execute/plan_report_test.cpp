// SPDX-License-Identifier: Apache-2.0
// The plan as data and as a picture: every value inside the arena, none over another while both live, well-formed SVG.
#include <gtest/gtest.h>
#include <rlx/host/report.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"

namespace {

using rlx::PlanReport;
using rlx::PlanValue;

/// A chain of wide layers, so that values of several sizes live and die.
rlx::Specialized specialized_chain(rlx::ModelCompilePipeline& pipeline, rlx::Template& made) {
  rlx::ModelBuilder builder("chain");
  rlx::Handle x = builder.input("x", rlx::DType::kF32, {"n", 16});
  rlx::Handle all = x;
  for (int i = 0; i < 4; ++i) {
    const rlx::Handle w = builder.param("w" + std::to_string(i), rlx::DType::kF32, {16, 16});
    x = builder.softmax(builder.linear(x, w));
    all = builder.concat({all, x}, 1);
  }
  builder.set_output("y <&\">", all);
  made = *pipeline.build_template("chain", *builder.finish());
  return *pipeline.specialize_template(made, {{"n", 32}});
}

class PlanReports : public ::testing::Test {
 protected:
  void SetUp() override {
    runtime_ = *rlx::Runtime::discover();
    auto device = runtime_.device("cpu:0");
    ASSERT_TRUE(device) << device.error().to_string();
    pipeline_ = *rlx::ModelCompilePipeline::create(*device);
    specialized_ = specialized_chain(pipeline_, made_);
  }
  rlx::Runtime runtime_;
  rlx::ModelCompilePipeline pipeline_;
  rlx::Template made_;
  rlx::Specialized specialized_;
};

TEST_F(PlanReports, PlacesEveryValueInsideTheArenaAndNoneOverAnother) {
  const auto plan = rlx::plan_report(specialized_.image);
  ASSERT_TRUE(plan) << plan.error().to_string();
  ASSERT_GE(plan->values.size(), 4u);
  for (const PlanValue& a : plan->values) {
    EXPECT_LE(a.offset + a.bytes, plan->arena_bytes) << a.name;
    EXPECT_LE(a.first_step, a.last_step) << a.name;
    for (const PlanValue& b : plan->values) {
      if (&a == &b || a.last_step < b.first_step || b.last_step < a.first_step) continue;
      EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) << a.name << " over " << b.name;
    }
  }
}

TEST_F(PlanReports, NamesTheBusiestStepByASumOverWhatIsAlive) {
  const auto plan = rlx::plan_report(specialized_.image);
  ASSERT_TRUE(plan);
  std::uint64_t most = 0;
  for (std::uint32_t step = 0; step < plan->steps.size(); ++step) {
    std::uint64_t alive = 0;
    for (const PlanValue& value : plan->values)
      if (value.first_step <= step && step <= value.last_step) alive += value.bytes;
    most = std::max(most, alive);
    if (step == plan->busiest_step) { EXPECT_EQ(alive, plan->busiest_bytes); }
  }
  EXPECT_EQ(most, plan->busiest_bytes);
  EXPECT_LE(plan->busiest_bytes, plan->arena_bytes);
}

TEST_F(PlanReports, CountsTheOpsOfTheImage) {
  const auto uses = rlx::op_uses(specialized_.image);
  ASSERT_TRUE(uses);
  std::size_t sum = 0;
  for (const rlx::OpUse& use : *uses) sum += use.count;
  EXPECT_EQ(sum, specialized_.report.native);
  EXPECT_TRUE(std::is_sorted(uses->begin(), uses->end(), [](const auto& a, const auto& b) { return a.count > b.count; }));
}

/// Tags of an XML text in order: every start tag is closed by its own end tag, attributes are quoted, no bare & or <.
::testing::AssertionResult well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      const std::size_t end = xml.find(';', i);
      const std::string entity = end == std::string::npos ? "" : xml.substr(i, end - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return ::testing::AssertionFailure() << "a bare & at " << i;
    }
    if (xml[i] != '<') continue;
    const std::size_t end = xml.find('>', i);
    if (end == std::string::npos) return ::testing::AssertionFailure() << "a tag without end at " << i;
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (tag.find('<') != std::string::npos || std::count(tag.begin(), tag.end(), '"') % 2) return ::testing::AssertionFailure() << "a broken tag: " << tag;
    i = end;
    if (tag[0] == '?' || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
      continue;
    }
    if (open.empty() || open.back() != tag.substr(1)) return ::testing::AssertionFailure() << "</" << tag.substr(1) << "> closes " << (open.empty() ? "nothing" : open.back());
    open.pop_back();
  }
  if (!open.empty()) return ::testing::AssertionFailure() << open.back() << " is never closed";
  return ::testing::AssertionSuccess();
}

TEST_F(PlanReports, DrawsOneRectanglePerValueWithItsStory) {
  auto plan = *rlx::plan_report(specialized_.image);
  plan.values[0].name = "a<b & \"c\" \xC3\xA9\x01\xE9";
  const std::string svg = plan.to_svg("chain & <n = 32>");
  EXPECT_TRUE(well_formed(svg));
  std::size_t rectangles = 0;
  for (std::size_t at = svg.find("<rect class=\"v\""); at != std::string::npos; at = svg.find("<rect class=\"v\"", at + 1)) ++rectangles;
  EXPECT_EQ(rectangles, plan.values.size());
  EXPECT_NE(svg.find("a&lt;b &amp; &quot;c&quot; \xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD"), std::string::npos);
  EXPECT_NE(svg.find("f32[32, 16], 2048 bytes"), std::string::npos);
  EXPECT_NE(svg.find(">peak "), std::string::npos);
}

TEST(PlanReport, DrawsAnEmptyPlan) { EXPECT_TRUE(well_formed(PlanReport{}.to_svg("nothing"))); }

TEST(PlanReport, RefusesBytesThatAreNoImage) {
  alignas(8) const std::byte bytes[64] = {};
  const auto plan = rlx::plan_report(bytes);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), rlx::ErrorCode::kInvalidImage);
}

TEST_F(PlanReports, EstimatesMemoryBeforeAnythingRuns) {
  const auto before = rlx::estimate_memory(made_, specialized_, false);
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_EQ(before->weight_bytes, 4u * 16 * 16 * 4);
  EXPECT_FALSE(before->packed_bytes);
  EXPECT_EQ(before->input_bytes, 32u * 16 * 4);
  EXPECT_EQ(before->output_bytes, 32u * 80 * 4);
  EXPECT_EQ(before->peak_bytes(), before->weight_bytes + before->arena_bytes + before->input_bytes + before->output_bytes + before->code_bytes);
  const auto unset = rlx::estimate_memory(made_, specialized_, true);
  ASSERT_TRUE(unset);
  EXPECT_FALSE(unset->packed_bytes) << "weights are not set: nothing can be packed";
  auto graph = *pipeline_.compile_lir(made_, specialized_);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(graph.set_param("w" + std::to_string(i), rlx::Tensor(rlx::DType::kF32, {16, 16}).view()));
  const auto packed = rlx::estimate_memory(made_, specialized_, true);
  ASSERT_TRUE(packed) << packed.error().to_string();
  EXPECT_TRUE(packed->packed_bytes);
}

TEST_F(PlanReports, EstimateRefusesAnImageOfAnotherTemplate) {
  rlx::Specialized other = specialized_;
  other.template_hash = std::string(32, '0');
  EXPECT_EQ(rlx::estimate_memory(made_, other, false).error().code(), rlx::ErrorCode::kInvalidArgument);
  EXPECT_EQ(rlx::estimate_memory(rlx::Template(), other, false).error().code(), rlx::ErrorCode::kInvalidArgument);
}

TEST_F(PlanReports, NamesInputsThatNobodyReads) {
  rlx::ModelBuilder builder("half");
  const rlx::Handle x = builder.input("x", rlx::DType::kF32, {4});
  builder.input("idle", rlx::DType::kF32, {4});
  builder.set_output("y", builder.add(x, x));
  const rlx::Template made = *pipeline_.build_template("half", *builder.finish());
  EXPECT_EQ(rlx::unread_inputs(made), std::vector<std::string>{"idle"});
  EXPECT_TRUE(rlx::unread_inputs(made_).empty());
}

TEST(Names, PutsTheNearestFirst) {
  const std::vector<std::string> known = {"run", "check", "bench"};
  EXPECT_EQ(rlx::did_you_mean_text("chekc", known).find("did you mean `check`?"), 0u);
}

}  // namespace
