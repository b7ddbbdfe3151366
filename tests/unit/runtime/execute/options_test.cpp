// SPDX-License-Identifier: Apache-2.0
// Options do what they say: each is seen in what is made, and keeps what is made with it apart from what is not.
#include <nlohmann/json.hpp>
#include <rlx/host/report.hpp>

#include <cmath>
#include <filesystem>
#include <functional>
#include <mutex>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::CompileOptions;
using rlx::Dispatch;
using rlx::DType;
using rlx::ErrorCode;
using rlx::ModelCompilePipeline;
using rlx::Precision;
using rlx::Tensor;

/// y = softmax(gelu(x . w + b) * (2 + 3)), where nothing reads the sine of x.
rlx::Model model() {
  rlx::ModelBuilder builder("options");
  const auto x = builder.input("x", DType::kF32, {"n", 8});
  const auto hidden = builder.linear(x, builder.param("w", DType::kF32, {8, 8}));
  const auto shifted = builder.add(hidden, builder.param("b", DType::kF32, {8}));
  builder.unary(RLX_UNARY_SIN, x);
  const auto five = builder.add(builder.scalar(DType::kF32, 2), builder.scalar(DType::kF32, 3));
  builder.set_output("y", builder.softmax(builder.mul(builder.activation(shifted, rlx::Activation::kGeluErf), five)));
  auto made = builder.finish();
  EXPECT_TRUE(made) << made.error().to_string();
  return *made;
}

rlx::Device reference_device() {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_REFERENCE_PLUGIN};
  options.only_plugin_paths = true;
  return rlx::Runtime::discover(options).value().device("reference").value();
}

rlx::Result<rlx::Template> built(const CompileOptions& options, const rlx::Model& from = model(), rlx::Device device = open_device()) {
  return ModelCompilePipeline::create(std::move(device)).value().build_template("options", from, options);
}

/// The model compiled for n = 3.
rlx::Result<rlx::CompiledGraph> compiled(const CompileOptions& options, rlx::Device device = open_device()) {
  auto pipeline = ModelCompilePipeline::create(std::move(device)).value();
  const auto made = pipeline.build_template("options", model(), options);
  if (!made) return made.error();
  return pipeline.get_or_compile(*made, {{"n", 3}});
}

/// y for counting weights and x.
std::vector<float> y_of(rlx::CompiledGraph graph) {
  const auto w = Tensor::of({8, 8}, counting(64, 0.01f)), b = Tensor::of({8}, counting(8, 0.1f)), x = Tensor::of({3, 8}, counting(24, 0.05f));
  EXPECT_TRUE(graph.set_param("w", w.view()) && graph.set_param("b", b.view()));
  const auto outputs = graph.run({{{"x", x.view()}}});
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  if (!outputs) return {};
  const auto y = outputs->front().tensor.f32();
  return {y.begin(), y.end()};
}

void expect_near(const std::vector<float>& seen, const std::vector<float>& wanted) {
  ASSERT_EQ(seen.size(), wanted.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(seen[i], wanted[i], 1e-6 + 1e-5 * std::abs(wanted[i])) << i;
}

CompileOptions with(const std::function<void(CompileOptions&)>& change) {
  CompileOptions options;
  change(options);
  return options;
}

TEST(Options, GiveTheSameNumbersWhateverTheyAre) {
  const std::vector<float> wanted = y_of(compiled({}, reference_device()).value());
  const CompileOptions all[] = {
      {},
      with([](auto& o) { o.fuse = false; }),
      with([](auto& o) { o.fold_constants = false; }),
      with([](auto& o) { o.remove_dead_code = false; }),
      with([](auto& o) { o.dispatch = Dispatch::kForceCommon; }),
      with([](auto& o) { o.dispatch = Dispatch::kForceNative; }),
      with([](auto& o) { o.force_common = {"softmax"}; }),
      with([](auto& o) { o.alignment = 4096; }),
      with([](auto& o) { o.thread_limit = 1; }),
      with([](auto& o) { o.precision = Precision::kF32Strict; }),
      with([](auto& o) { o.verbosity = 2; }),
  };
  for (const CompileOptions& options : all) {
    const auto graph = compiled(options);
    ASSERT_TRUE(graph) << graph.error().to_string();
    expect_near(y_of(*graph), wanted);
  }
}

TEST(Options, EveryOneKeepsTemplatesApart) {
  auto pipeline = ModelCompilePipeline::create(open_device()).value();
  const auto ensure = [&](const CompileOptions& options) {
    return pipeline.ensure_template("m", []() -> rlx::Result<rlx::Model> { return model(); }, options).value().body().get();
  };
  const std::vector<const void*> all = {
      ensure({}),
      ensure(with([](auto& o) { o.fuse = false; })),
      ensure(with([](auto& o) { o.fold_constants = false; })),
      ensure(with([](auto& o) { o.remove_dead_code = false; })),
      ensure(with([](auto& o) { o.dispatch = Dispatch::kForceCommon; })),
      ensure(with([](auto& o) { o.dispatch = Dispatch::kForceNative; })),
      ensure(with([](auto& o) { o.force_common = {"softmax"}; })),
      ensure(with([](auto& o) { o.force_native = {"softmax"}; })),
      ensure(with([](auto& o) { o.alignment = 128; })),
      ensure(with([](auto& o) { o.thread_limit = 1; })),
      ensure(with([](auto& o) { o.precision = Precision::kBf16; })),
      ensure(with([](auto& o) { o.strict_fusion = true; })),
  };
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(all[i], all[k]) << i << ", " << k;
  EXPECT_EQ(all[0], ensure({}));
  EXPECT_EQ(all[0], ensure(with([](auto& o) { o.verbosity = 0; })));  // says more or less of the same
  EXPECT_EQ(all[6], ensure(with([](auto& o) { o.force_common = {"softmax", "softmax"}; })));
}

TEST(Options, FoldingAndDeadCodeAreSeenInTheOps) {
  const auto usual = built({})->op_counts();
  const auto unfolded = built(with([](auto& o) { o.fold_constants = false; o.fuse = false; }))->op_counts();
  const auto folded = built(with([](auto& o) { o.fuse = false; }))->op_counts();
  EXPECT_EQ(unfolded.at("binary"), folded.at("binary") + 1);  // 2 + 3
  EXPECT_FALSE(usual.contains("unary"));
  const auto dead = built(with([](auto& o) { o.remove_dead_code = false; }))->op_counts();
  EXPECT_EQ(dead.at("unary"), 1u);  // the sine
  EXPECT_EQ(compiled(with([](auto& o) { o.remove_dead_code = false; }))->report().native, compiled({})->report().native + 1);
}

TEST(Options, ForceCommonExpandsEverything) {
  const auto graph = compiled(with([](auto& o) { o.dispatch = Dispatch::kForceCommon; }));
  const auto uses = rlx::op_uses(graph->image()).value();
  for (const rlx::OpUse& use : uses)
    EXPECT_TRUE(use.op != "linear" && use.op != "softmax" && use.op != "act" && use.op != "elementwise") << use.op;
  EXPECT_GE(graph->report().expanded, 2u);
}

TEST(Options, ForceListsActOnTheirKindsAlone) {
  const auto uses = [](const CompileOptions& options) {
    std::map<std::string, std::size_t> counts;
    const auto graph = compiled(options);
    const auto found = rlx::op_uses(graph->image()).value();
    for (const rlx::OpUse& use : found) counts[use.op] = use.count;
    return counts;
  };
  const auto listed = uses(with([](auto& o) { o.force_common = {"softmax"}; }));
  EXPECT_FALSE(listed.contains("softmax"));
  EXPECT_TRUE(listed.contains("linear"));
  const auto kept = uses(with([](auto& o) { o.dispatch = Dispatch::kForceCommon, o.force_native = {"softmax"}; }));
  EXPECT_TRUE(kept.contains("softmax"));
  EXPECT_FALSE(kept.contains("linear"));
}

TEST(Options, ForceNativeNamesWhatTheBackendDoesNotTake) {
  const auto regions = [](auto& o) { o.backend = {{"composites", "region"}}; };
  EXPECT_TRUE(compiled(with(regions), reference_device()));
  for (const bool by_list : {false, true}) {
    const auto graph = compiled(with([&](auto& o) {
                                  regions(o);
                                  if (by_list) o.force_native = {"softmax"};
                                  else o.dispatch = Dispatch::kForceNative;
                                }),
                                reference_device());
    expect_error(graph, ErrorCode::kUnsupportedOps, {"`softmax`", "forced to be native", "composites = region"});
    EXPECT_EQ(graph.error().message().find("`linear`") != std::string::npos, !by_list) << graph.error().message();
  }
}

TEST(Options, ListsThatMeanNothingAreRefused) {
  expect_error(built(with([](auto& o) { o.force_common = {"softmx"}; })), ErrorCode::kUnknownName, {"`softmx`", "did you mean `softmax`"});
  expect_error(built(with([](auto& o) { o.force_native = {"dot"}; })), ErrorCode::kInvalidArgument, {"`dot`", "no composite"});
  expect_error(built(with([](auto& o) { o.force_common = o.force_native = {"softmax"}; })), ErrorCode::kInvalidArgument, {"`softmax`"});
  expect_error(built(with([](auto& o) { o.alignment = 96; })), ErrorCode::kInvalidArgument, {"alignment", "96"});
  expect_error(built(with([](auto& o) { o.backend = {{"precision", "f32"}, {"precision", "f32"}}; })), ErrorCode::kInvalidArgument, {"`precision`", "twice"});
}

TEST(Options, StrictFusionFailsWhereAFusionIsUndoneOrMissed) {
  EXPECT_TRUE(compiled(with([](auto& o) { o.strict_fusion = true; })));
  expect_error(compiled(with([](auto& o) { o.strict_fusion = true, o.backend = {{"composites", "region"}}; }), reference_device()),
               ErrorCode::kMissedFusion, {"strict fusion", "`softmax`", "composites = region"});
  expect_error(built(with([](auto& o) { o.strict_fusion = true, o.fuse = false; })), ErrorCode::kInvalidArgument, {"strict_fusion", "fuse"});
  // The product is an output too: gelu cannot join it.
  rlx::ModelBuilder builder("seen");
  const auto product = builder.linear(builder.input("x", DType::kF32, {"n", 8}), builder.param("w", DType::kF32, {8, 8}));
  builder.set_output("product", product);
  builder.set_output("y", builder.activation(product, rlx::Activation::kGeluErf));
  const rlx::Model seen = builder.finish().value();
  expect_error(built(with([](auto& o) { o.strict_fusion = true; }), seen), ErrorCode::kMissedFusion, {"linear epilogue", "`act`", "is an output"});
  const auto made = built({}, seen);
  ASSERT_EQ(made->fusion_report().missed.size(), 1u);
  EXPECT_EQ(made->fusion_report().missed[0].pattern, "linear epilogue");
}

TEST(Options, MissedFusionsAreExplained) {
  rlx::ModelBuilder builder("missed");
  const auto x = builder.input("x", DType::kF32, {2, "n", 8});
  const auto batched = builder.matmul(x, builder.param("w", DType::kF32, {2, 8, 4}));
  const auto row = builder.input("row", DType::kF32, {1, 1, 4});
  const auto g = builder.param("g", DType::kF32, {4}), b = builder.param("b", DType::kF32, {4});
  builder.set_output("y", builder.layer_norm(builder.add(batched, row), g, b, 1e-5));
  std::map<std::string, std::string> reasons;
  for (const auto& missed : built({}, builder.finish().value())->fusion_report().missed) reasons[missed.pattern] = missed.reason;
  EXPECT_NE(reasons["linear"].find("rank 3"), std::string::npos) << reasons["linear"];
  EXPECT_NE(reasons["residual norm"].find("[1, 1, 4]"), std::string::npos) << reasons["residual norm"];
}

TEST(Options, PrecisionReachesTheBackendAndIsNeverLoweredUnasked) {
  const auto precision_of = [](const CompileOptions& options) {
    const auto made = built(options);
    std::string seen;
    for (const auto& [key, value] : made->options().backend)
      if (key == "precision") seen = value;
    return seen;
  };
  EXPECT_EQ(precision_of({}), "f32");
  EXPECT_EQ(precision_of(with([](auto& o) { o.precision = Precision::kBf16; })), "bf16");
  EXPECT_EQ(precision_of(with([](auto& o) { o.backend = {{"precision", "tf32"}}; })), "tf32");
  expect_error(built(with([](auto& o) { o.precision = Precision::kF16, o.backend = {{"precision", "bf16"}}; })), ErrorCode::kInvalidArgument,
               {"f16", "bf16"});
  expect_error(built(with([](auto& o) { o.precision = Precision::kBf16; }), model(), reference_device()), ErrorCode::kInvalidArgument,
               {"bf16", "no option `precision`"});
  EXPECT_TRUE(built(with([](auto& o) { o.precision = Precision::kF32Strict; }), model(), reference_device()));
}

TEST(Options, AlignmentIsThatOfEveryValueInTheArena) {
  const auto graph = compiled(with([](auto& o) { o.alignment = 4096, o.fuse = false; }));
  const auto plan = rlx::plan_report(graph->image());
  ASSERT_TRUE(plan) << plan.error().to_string();
  ASSERT_GT(plan->values.size(), 1u);
  for (const rlx::PlanValue& value : plan->values) EXPECT_EQ(value.offset % 4096, 0u) << value.name;
}

TEST(Options, OneThreadMeansTheCallersAlone) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  rlx::ModelBuilder builder("wide");
  builder.set_output("y", builder.linear(builder.input("x", DType::kF32, {"n", 256}), builder.param("w", DType::kF32, {256, 256})));
  const rlx::Model wide = builder.finish().value();
  const auto x = Tensor(DType::kF32, {512, 256}), w = Tensor(DType::kF32, {256, 256});
  std::ptrdiff_t started[2] = {};
  for (const unsigned limit : {1u, 0u}) {
    const rlx::Device device = open_device(4);
    auto pipeline = ModelCompilePipeline::create(device).value();
    const auto made = pipeline.build_template("wide", wide, with([&](auto& o) { o.thread_limit = limit; }));
    auto graph = pipeline.get_or_compile(*made, {{"n", 512}});
    ASSERT_TRUE(graph) << graph.error().to_string();
    const auto before = threads();
    ASSERT_TRUE(graph->set_param("w", w.view()));
    ASSERT_TRUE(graph->run({{{"x", x.view()}}}));
    started[limit] = threads() - before;
  }
  EXPECT_EQ(started[1], 0);
  EXPECT_GT(started[0], 0);
}

TEST(Options, VerbosityIsHowMuchTheLogSays) {
  std::mutex mutex;
  std::vector<std::string> lines;
  rlx::RuntimeOptions runtime;
  runtime.plugin_paths = {RLX_REFERENCE_PLUGIN};
  runtime.only_plugin_paths = true;
  runtime.log = [&](rlx::LogLevel, std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line);
  };
  const auto device = rlx::Runtime::discover(runtime).value().device("reference").value();
  std::size_t counts[3] = {};
  for (const unsigned verbosity : {0u, 1u, 2u}) {
    lines.clear();
    ASSERT_TRUE(compiled(with([&](auto& o) { o.verbosity = verbosity, o.backend = {{"composites", "region"}}; }), device));
    counts[verbosity] = lines.size();
    if (verbosity != 1) continue;
    for (const char* word : {"compiled `options`", "n=3", "new-template", "native", "expanded", "copies", "specialize", "compile", "us"})
      EXPECT_NE(lines.at(0).find(word), std::string::npos) << word << " is not in: " << lines.at(0);
  }
  EXPECT_EQ(counts[0], 0u);
  EXPECT_EQ(counts[1], 1u);
  EXPECT_GT(counts[2], 1u);
}

TEST(Reports, AreTextAndJson) {
  const auto graph = compiled(with([](auto& o) { o.backend = {{"composites", "region"}}; }), reference_device());
  const auto dispatch = nlohmann::json::parse(graph->report().to_json());
  EXPECT_EQ(dispatch["schema"], "rlx.dispatch/1");
  EXPECT_EQ(dispatch["notes"].size(), graph->report().notes.size());
  EXPECT_EQ(dispatch["expanded"], graph->report().expanded);
  EXPECT_NE(graph->report().to_text().find("`softmax`"), std::string::npos);
  const auto report = built({})->fusion_report();
  const auto fusion = nlohmann::json::parse(report.to_json());
  EXPECT_EQ(fusion["schema"], "rlx.fusion/1");
  EXPECT_EQ(fusion["fused"].size(), report.fused.size());
  EXPECT_NE(report.to_text().find("linear: 1 (1 as written)"), std::string::npos) << report.to_text();
}

TEST(Reports, EscapeWhatJsonCannotHold) {
  rlx::DispatchReport report;
  report.notes = {"a \"quote\", a \\ and a \n line"};
  EXPECT_EQ(nlohmann::json::parse(report.to_json())["notes"][0], report.notes[0]);
  report.notes = {"caf\xC3\xA9 \xE5\xB1\xA4", "no text: \xE9"};
  const auto notes = nlohmann::json::parse(report.to_json())["notes"];
  EXPECT_EQ(notes[0], report.notes[0]);
  EXPECT_EQ(notes[1], "no text: \xEF\xBF\xBD");
}

}  // namespace
