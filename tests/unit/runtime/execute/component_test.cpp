// SPDX-License-Identifier: Apache-2.0
// Components: keys that never change, variants on a fresh pipeline, manifests and what a template says of itself.
#include <rlx/host/component.hpp>

#include <set>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::ErrorCode;
using rlx::ModelCompilePipeline;
using rlx::ModelComponent;
using rlx::ModelVariant;

rlx::Result<rlx::Model> tokens() { return token_model(); }

ModelComponent component(std::int64_t batch = 2, std::int64_t seq = 5) {
  ModelComponent made;
  made.name = "tokens";
  made.variant = ModelVariant::encoder(batch, seq);
  return made;
}

ModelCompilePipeline fresh() { return ModelCompilePipeline::create(open_device()).value(); }

TEST(Component, KeysAreTheSameOnEveryMachine) {
  ModelComponent each = component(4, 128);
  EXPECT_EQ(each.variant.key().to_string(), "b357c265349e4d7d735bdf3e665be179");
  EXPECT_EQ(each.key().to_string(), "03e0a7a1620e2c175b05c588ad35e3e9");
  each.dispatch = rlx::Dispatch::kForceCommon;
  each.profile = "long";
  each.quantisation = "int8";
  each.composition = 7;
  each.variant = ModelVariant::decode(1, 511).with("heads", 8);
  EXPECT_EQ(each.variant.key().to_string(), "7b9f8acb3609646966b342cddb2e730e");
  EXPECT_EQ(each.key().to_string(), "18035468a3c454d0f9791e9a20db87a9");
}

TEST(Component, EveryPartButTheModeIsInTheKey) {
  std::vector<ModelComponent> all(10, component());
  all[1].name = "other";
  all[2].variant = ModelVariant::prefill(2, 5);
  all[3].variant = ModelVariant::encoder(2, 6);
  all[4].variant = component().variant.with("x", 1);
  all[5].dispatch = rlx::Dispatch::kForceCommon;
  all[6].profile = "p";
  all[7].quantisation = "p";
  all[8].composition = 1;
  all[9].variant = ModelVariant::encoder(5, 2);
  std::set<std::string> keys;
  for (const ModelComponent& each : all) keys.insert(each.key().to_string());
  EXPECT_EQ(keys.size(), all.size());
  ModelComponent eager = component();
  eager.mode = rlx::CompileMode::kEager;
  EXPECT_EQ(eager.key(), component().key());
}

TEST(Component, TheFirstCallOnAFreshPipelineWorks) {
  auto pipeline = fresh();
  const auto graph = get_or_compile_component(pipeline, component(), tokens);
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_EQ(graph->manifest().outputs.at(0).dims.at(0).number(), 2);
  auto another = fresh();
  const auto manifest = binding_manifest_for_component(another, component(), tokens);
  ASSERT_TRUE(manifest) << manifest.error().to_string();
  EXPECT_EQ(manifest->diff(graph->manifest()), "");
  EXPECT_TRUE(another.empty());  // a manifest compiles nothing
}

TEST(Component, AHitNeitherBuildsNorCompiles) {
  auto pipeline = fresh();
  int built = 0;
  const auto build = [&built]() -> rlx::Result<rlx::Model> { return ++built, token_model(); };
  ASSERT_TRUE(get_or_compile_component(pipeline, component(), build));
  const auto before = pipeline.counters();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(get_or_compile_component(pipeline, component(), build));
#ifdef NDEBUG
  EXPECT_EQ(built, 1);  // other builds compare the model each time
#endif
  EXPECT_EQ(pipeline.counters().compiles, before.compiles);
  EXPECT_EQ(pipeline.counters().hits, before.hits + 10);
}

TEST(Component, ModesShareTheVariant) {
  auto pipeline = fresh();
  ASSERT_TRUE(get_or_compile_component(pipeline, component(), tokens));
  ModelComponent eager = component();
  eager.mode = rlx::CompileMode::kEager;
  expect_error(get_or_compile_component(pipeline, eager, tokens), ErrorCode::kUnsetParam, {"`tokens`", "table"});
  const auto table = rlx::Tensor::of({10, 4}, counting(40));
  ASSERT_TRUE(get_or_compile_component(pipeline, component(), tokens)->set_param("table", table.view()));
  EXPECT_TRUE(get_or_compile_component(pipeline, eager, tokens));
  EXPECT_EQ(pipeline.counters().compiles, 1u);
}

TEST(Component, AnotherQuantisationIsAnotherModel) {
  auto pipeline = fresh();
  ModelComponent other = component();
  other.quantisation = "none of it";
  other.variant = ModelVariant{rlx::Phase::kEncoder, {{"seq", 3}}};
  const auto first = get_or_compile_component(pipeline, component(), tokens);
  const auto second = get_or_compile_component(pipeline, other, []() -> rlx::Result<rlx::Model> { return linear_model(); });
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->manifest().params.at(0).name, "table");
  EXPECT_EQ(second->manifest().params.at(0).name, "w");
}

TEST(Component, ABindingThatDoesNotFitIsNamed) {
  auto pipeline = fresh();
  ModelComponent wrong = component();
  wrong.variant = ModelVariant::decode(2, 5);
  expect_error(get_or_compile_component(pipeline, wrong, tokens), ErrorCode::kUnknownSymbol, {"`past_seq`"});
  wrong.variant = ModelVariant::encoder(2, 513);
  expect_error(get_or_compile_component(pipeline, wrong, tokens), ErrorCode::kSymbolOutOfRange, {"`seq`", "513"});
}

TEST(Manifest, DiffNamesWhatIsOtherwise) {
  auto pipeline = fresh();
  const auto a = pipeline.build_template("a", token_model());
  rlx::ModelBuilder builder("b");
  builder.symbol("seq", 1, 64);
  const auto ids = builder.input("input_ids", rlx::DType::kI64, {"batch", "seq"});
  builder.set_output("pooled", builder.reduce(RLX_REDUCE_SUM, builder.gather(builder.param("table", rlx::DType::kF32, {12, 4}), ids), {1}, false));
  builder.set_output("ids", ids);
  const auto b = pipeline.build_template("b", builder.finish().value());
  ASSERT_TRUE(a && b) << b.error().to_string();
  EXPECT_EQ(a->manifest().diff(a->manifest()), "");
  EXPECT_EQ(a->manifest().diff(b->manifest()),
            "- input attention_mask: i64[batch, seq]\n~ param table: f32[10, 4] -> f32[12, 4]\n+ output ids: i64[batch, seq]\n"
            "~ symbol seq: 1 to 512 -> 1 to 64\n");
  rlx::BindingManifest turned = a->manifest();
  std::swap(turned.inputs[0], turned.inputs[1]);
  EXPECT_EQ(a->manifest().diff(turned), "~ order of inputs\n");
}

TEST(Manifest, GroupsWeightsByTheirFirstWord) {
  rlx::BindingManifest manifest;
  const auto add = [&](const char* name, std::uint64_t bytes) { manifest.params.push_back({name, rlx::DType::kF32, {}, bytes}); };
  add("layer1.w", 16);
  add("embed", 4);
  add("layer1.norm.g", 8);
  add("layer10.w", 2);
  const auto blocks = manifest.weight_blocks();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[1].name, "layer1");
  EXPECT_EQ(blocks[1].params, 2u);
  EXPECT_EQ(blocks[1].bytes, 24u);
}

TEST(Template, SaysWhatItTakesAndWhatItIsMadeOf) {
  auto pipeline = fresh();
  const auto made = pipeline.build_template("tokens", token_model());
  EXPECT_EQ(made->manifest().symbols.at(1).name, "seq");
  EXPECT_EQ(made->manifest().symbols.at(1).greatest, 512);
  const auto counts = made->op_counts();
  EXPECT_EQ(counts.at("gather"), 1u);
  EXPECT_EQ(counts.at("reduce"), 1u);
  std::size_t sum = 0;
  for (const auto& [op, count] : counts) sum += count;
  EXPECT_EQ(sum, made->fusion_report().nodes_after);
}

/// Params keep their place in the manifest whether or not anything reads them.
TEST(Template, ParamsThatNobodyReadsStayInTheManifest) {
  rlx::ModelBuilder builder("unread");
  const auto x = builder.input("x", rlx::DType::kF32, {"n"});
  builder.param("first", rlx::DType::kF32, {3});
  const auto w = builder.param("second", rlx::DType::kF32, {1});
  builder.set_output("y", builder.mul(x, w));
  auto pipeline = fresh();
  const auto made = pipeline.build_template("unread", builder.finish().value());
  ASSERT_TRUE(made);
  ASSERT_EQ(made->manifest().params.size(), 2u);
  EXPECT_EQ(made->manifest().params[0].name, "first");
}

}  // namespace
