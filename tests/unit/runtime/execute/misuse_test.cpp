// SPDX-License-Identifier: Apache-2.0
// When a user errs: one clear error with its code that names the thing, the value seen and the value wanted; then a valid
// call gives the same bits as ever.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::NamedView;
using rlx::Tensor;

/// The token model with weights, compiled at batch 2, seq 3, and a good call.
class Misuse : public testing::Test {
 protected:
  void SetUp() override {
    pipeline_ = rlx::ModelCompilePipeline::create(open_device());
    template_ = *pipeline_->build_template("tokens", token_model());
    auto graph = pipeline_->get_or_compile(template_, {{"batch", 2}, {"seq", 3}});
    ASSERT_TRUE(graph) << graph.error().to_string();
    graph_ = *graph;
    ASSERT_TRUE(graph_.set_param("table", table_.view()));
    first_ = good_call();
    ASSERT_EQ(first_.size(), 8u);
  }

  /// Whatever the test did, the next valid call gives the first call's bits.
  void TearDown() override {
    const std::vector<float> last = good_call();
    ASSERT_EQ(last.size(), first_.size());
    EXPECT_EQ(std::memcmp(last.data(), first_.data(), first_.size() * sizeof(float)), 0);
  }

  std::vector<float> good_call() {
    const auto outputs = graph_.run(inputs(ids_.view(), mask_.view()));
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    return {outputs->front().tensor.f32().begin(), outputs->front().tensor.f32().end()};
  }

  static std::vector<NamedView> inputs(rlx::TensorView ids, rlx::TensorView mask) {
    return {{"input_ids", std::move(ids)}, {"attention_mask", std::move(mask)}};
  }
  static Tensor integers(std::vector<std::int64_t> dims, std::int64_t value) {
    Tensor tensor(DType::kI64, std::move(dims));
    for (std::int64_t& element : tensor.i64()) element = value;
    return tensor;
  }

  rlx::Result<rlx::ModelCompilePipeline> pipeline_;
  rlx::Template template_;
  rlx::CompiledGraph graph_;
  Tensor table_ = Tensor::of({10, 4}, counting(40, 0.25f));
  Tensor ids_ = integers({2, 3}, 7), mask_ = integers({2, 3}, 1);
  std::vector<float> first_;
};

TEST_F(Misuse, ForgottenInputIsNamed) {
  const std::vector<NamedView> one = {{"input_ids", ids_.view()}};
  expect_error(graph_.run(one), ErrorCode::kMissingInput, {"`attention_mask`"});
  expect_error(template_.bind(one), ErrorCode::kMissingInput, {"`attention_mask`"});
}

TEST_F(Misuse, MistypedNameIsAnsweredWithTheNearest) {
  const std::vector<NamedView> wrong = {{"input_ids", ids_.view()}, {"attn_mask", mask_.view()}};
  expect_error(graph_.run(wrong), ErrorCode::kUnknownName, {"no input `attn_mask`", "did you mean `attention_mask`?"});
  expect_error(template_.bind(wrong), ErrorCode::kUnknownName, {"no input `attn_mask`", "did you mean `attention_mask`?"});
}

TEST_F(Misuse, WrongDtypeSaysSeenAndWanted) {
  const Tensor narrow(DType::kI32, {2, 3});
  expect_error(graph_.run(inputs(narrow.view(), mask_.view())), ErrorCode::kWrongDtype, {"`input_ids`", "i32", "i64"});
}

TEST_F(Misuse, OneSymbolWithTwoSizesNamesBothTensors) {
  const Tensor seven = integers({1, 7}, 1), nine = integers({1, 9}, 1);
  expect_error(template_.bind(inputs(seven.view(), nine.view())), ErrorCode::kSymbolConflict,
               {"`seq` is 7 in input_ids (dim 1) and 9 in attention_mask (dim 1)"});
}

TEST_F(Misuse, WrongShapeSaysSeenAndWanted) {
  const Tensor longer = integers({2, 4}, 1);
  expect_error(graph_.run(inputs(longer.view(), mask_.view())), ErrorCode::kWrongShape, {"`input_ids`", "[2, 4]", "[2, 3]"});
  const Tensor flat = integers({6}, 1);
  expect_error(template_.bind(inputs(flat.view(), mask_.view())), ErrorCode::kWrongShape, {"`input_ids`", "[6]"});
}

TEST_F(Misuse, TooFewBytesAreRefused) {
  auto view = ids_.view();
  view.bytes -= 8;
  expect_error(graph_.run(inputs(view, mask_.view())), ErrorCode::kWrongSize, {"`input_ids`", "40 bytes", "48"});
  view.bytes += 8;
  view.data = nullptr;
  expect_error(graph_.run(inputs(view, mask_.view())), ErrorCode::kWrongSize, {"`input_ids`", "48"});
}

TEST_F(Misuse, TwiceTheSameInputIsRefused) {
  const std::vector<NamedView> twice = {{"input_ids", ids_.view()}, {"input_ids", ids_.view()}, {"attention_mask", mask_.view()}};
  expect_error(graph_.run(twice), ErrorCode::kDuplicateName, {"`input_ids`"});
}

TEST_F(Misuse, MoreTokensThanTheTableIsRefusedAtBind) {
  const Tensor long_ids = integers({1, 600}, 1), long_mask = integers({1, 600}, 1);
  const auto binding = template_.bind(inputs(long_ids.view(), long_mask.view()));
  ASSERT_TRUE(binding) << binding.error().to_string();
  expect_error(pipeline_->get_or_compile(template_, *binding), ErrorCode::kSymbolOutOfRange, {"`seq` is 600", "1 to 512"});
}

TEST_F(Misuse, AnIdPastTheVocabularyIsAnError) {
  Tensor bad = integers({2, 3}, 7);
  for (const std::int64_t id : {std::int64_t{10}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    bad.i64()[4] = id;
    expect_error(graph_.run(inputs(bad.view(), mask_.view())), ErrorCode::kDataError,
                 {"template `", "`gather`", "param `table`", "input `input_ids`", "value " + std::to_string(id), "position 4", "limit is 10"});
  }
}

TEST_F(Misuse, UnboundUnknownAndZeroSizes) {
  expect_error(pipeline_->get_or_compile(template_, {{"batch", 2}}), ErrorCode::kUnboundSymbol, {"`seq`"});
  expect_error(pipeline_->get_or_compile(template_, {{"batch", 2}, {"seq", 3}, {"sq", 1}}), ErrorCode::kUnknownSymbol, {"`sq`", "did you mean `seq`"});
  expect_error(pipeline_->get_or_compile(template_, {{"batch", 0}, {"seq", 3}}), ErrorCode::kSymbolOutOfRange, {"`batch` is 0", "1"});
  expect_error(pipeline_->get_or_compile(template_, {{"batch", -4}, {"seq", 3}}), ErrorCode::kSymbolOutOfRange, {"`batch` is -4"});
}

TEST_F(Misuse, ParamsAreCheckedByNameDtypeAndShape) {
  expect_error(graph_.set_param("tabel", table_.view()), ErrorCode::kUnknownName, {"no param `tabel`", "did you mean `table`?"});
  expect_error(graph_.set_param("table", Tensor(DType::kF64, {10, 4}).view()), ErrorCode::kWrongDtype, {"`table`", "f64", "f32"});
  expect_error(graph_.set_param("table", Tensor(DType::kF32, {4, 10}).view()), ErrorCode::kWrongShape, {"`table`", "[4, 10]", "[10, 4]"});
  auto view = table_.view();
  view.bytes = 8;
  expect_error(graph_.set_param("table", view), ErrorCode::kWrongSize, {"`table`", "8 bytes", "160"});
}

TEST_F(Misuse, OutputsAreCheckedToo) {
  Tensor small(DType::kF32, {2, 3}), right(DType::kF32, {2, 4});
  std::vector<rlx::NamedMutableView> outputs = {{"pooled", small.mutable_view()}};
  const auto in = inputs(ids_.view(), mask_.view());
  expect_error(graph_.run_into(in, outputs), ErrorCode::kWrongShape, {"output `pooled`", "[2, 3]", "[2, 4]"});
  outputs = {{"poold", right.mutable_view()}};
  expect_error(graph_.run_into(in, outputs), ErrorCode::kUnknownName, {"no output `poold`", "`pooled`"});
  outputs = {{"pooled", right.mutable_view()}};
  EXPECT_TRUE(graph_.run_into(in, outputs));
}

TEST(MisuseOfParams, ARunWithUnsetParamsListsThem) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("linear", linear_model());
  auto graph = pipeline->get_or_compile(*made, {{"seq", 2}});
  const auto x = Tensor::of({1, 2, 4}, counting(8));
  expect_error(graph->run({{{"x", x.view()}}}), ErrorCode::kUnsetParam, {"1 param", "`w`"});
  ASSERT_TRUE(graph->set_param("w", Tensor::of({4, 2}, counting(8)).view()));
  EXPECT_TRUE(graph->run({{{"x", x.view()}}}));
}

TEST(MisuseOfDevices, ATemplateOfAnotherDeviceIsRefused) {
  auto here = rlx::ModelCompilePipeline::create(open_device()), there = rlx::ModelCompilePipeline::create(open_device());
  const auto made = here->build_template("linear", linear_model());
  expect_error(there->get_or_compile(*made, {{"seq", 2}}), ErrorCode::kInvalidArgument, {"`linear`", "was built for", "of another opening of the device: use one Device object for both"});
  expect_error(there->specialize_template(*made, {{"seq", 2}}), ErrorCode::kInvalidArgument, {"`linear`"});
  expect_error(here->get_or_compile(rlx::Template(), {}), ErrorCode::kInvalidArgument, {"empty"});
  const auto other = here->build_template("tokens", token_model());
  const auto specialized = here->specialize_template(*made, {{"seq", 2}});
  expect_error(here->compile_lir(*other, *specialized), ErrorCode::kInvalidArgument, {"`tokens`"});
}

TEST(MisuseOfDevices, AnAbsentDeviceIsAnErrorThatListsWhatExists) {
  auto runtime = rlx::Runtime::discover();
  const auto here = runtime->device();
  ASSERT_TRUE(here);
  const std::string kind = here->name().substr(0, here->name().find(':'));
  expect_error(runtime->device("warp:0"), ErrorCode::kPluginNotFound, {"warp", kind});
  expect_error(runtime->device(kind + ":7"), ErrorCode::kDeviceNotFound, {kind + ":7", kind + ":0"});
  expect_error(runtime->device("not a device"), ErrorCode::kInvalidArgument, {"not a device"});
}

TEST(MisuseOfDevices, ALibraryThatIsNoPluginIsNotLoaded) {
  rlx::RuntimeOptions options;
  options.only_plugin_paths = true;
  const auto folder = std::filesystem::temp_directory_path() / "rlx_misuse_plugins";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "text.so") << "I am no library";
  options.plugin_paths = {folder.string()};
  auto runtime = rlx::Runtime::discover(options);
  const auto plugins = runtime->plugins();
  std::filesystem::remove_all(folder);
  ASSERT_EQ(plugins.size(), 1u);
  EXPECT_EQ(plugins[0].verdict, "refused");
  EXPECT_FALSE(plugins[0].reason.empty());
  EXPECT_FALSE(runtime->device());
}

TEST(MisuseOfFiles, PathsAndDamageAreNamed) {
  expect_error(rlx::load_model("/no/such/model.onnx"), ErrorCode::kFileNotFound, {"/no/such/model.onnx"});
  expect_error(rlx::load_weights("/no/such/weights.safetensors"), ErrorCode::kFileNotFound, {"/no/such/weights.safetensors"});
  const auto path = std::filesystem::temp_directory_path() / "rlx_misuse.safetensors";
  std::ofstream(path, std::ios::binary) << "\x40" << std::string(7, '\0') << "{\"a\":{\"dtype\":\"F32\"";
  expect_error(rlx::load_weights(path.string()), ErrorCode::kFileDamaged, {"rlx_misuse.safetensors"});
  std::filesystem::remove(path);
  const auto model = std::filesystem::temp_directory_path() / "rlx_misuse.onnx";
  std::ofstream(model, std::ios::binary) << "\x08\x07\x12\xff";
  expect_error(rlx::load_model(model.string()), ErrorCode::kMalformedModelFile, {"rlx_misuse.onnx"});
  std::filesystem::remove(model);
}

TEST(MisuseOfHandles, EmptyOnesAreErrors) {
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  ASSERT_TRUE(pipeline);
  const auto empty_model = [] { return rlx::Result<rlx::Model>(rlx::Model()); };
  const auto full_model = [] { return rlx::Result<rlx::Model>(token_model()); };
  expect_error(pipeline->build_template("e", rlx::Model()), ErrorCode::kInvalidArgument, {"template `e`", "the model is empty"});
  expect_error(pipeline->ensure_template("e", empty_model), ErrorCode::kInvalidArgument, {"the model is empty"});
  ASSERT_TRUE(pipeline->ensure_template("f", full_model));
  expect_error(pipeline->ensure_template("f", empty_model), ErrorCode::kInvalidArgument, {"template `f`", "the model is empty"});
  expect_error(rlx::Session::compile(open_device(), rlx::Model()), ErrorCode::kInvalidArgument, {"the model is empty"});
  expect_error(rlx::Session().run({}), ErrorCode::kInvalidArgument, {"the session is empty"});
  EXPECT_EQ(rlx::Session().model_template().name(), "");
  expect_error(rlx::Template().bind({}), ErrorCode::kInvalidArgument, {"the template is empty"});
  expect_error(rlx::Template().dump("hir"), ErrorCode::kInvalidArgument, {"the template is empty"});
  EXPECT_EQ(rlx::Template().hash(), "");
}

TEST(MisuseOfHandles, AnEmptyPipelineIsAnError) {
  rlx::ModelCompilePipeline empty;
  const char* const said = "the pipeline is empty";
  expect_error(empty.build_template("e", token_model()), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.ensure_template("e", [] { return rlx::Result<rlx::Model>(token_model()); }), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.template_result("e"), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.specialize_template(rlx::Template(), {}), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.get_or_specialize_aot(rlx::Template(), {}), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.compile_lir(rlx::Template(), {}), ErrorCode::kInvalidArgument, {said});
  expect_error(empty.get_or_compile(rlx::Template(), {}), ErrorCode::kInvalidArgument, {said});
  EXPECT_FALSE(empty.use_aot({"somewhere"}));
  EXPECT_FALSE(empty.has_template("e"));
  EXPECT_FALSE(empty.contains(rlx::Template(), {}));
  EXPECT_EQ(empty.size() + empty.clear() + empty.counters().misses + empty.memory().variants + empty.aot_counters().misses, 0u);
}

struct BadModel {
  const char* name;
  std::function<void(rlx::ModelBuilder&)> build;
  ErrorCode code;
  std::vector<std::string> words;
};

TEST(MisuseOfModels, MismatchesAreErrorsOfBuildingWithTheOperationsName) {
  using B = rlx::ModelBuilder;
  const std::vector<BadModel> cases = {
      {"linear K", [](B& b) { b.linear(b.input("x", DType::kF32, {"n", 3}), b.param("w", DType::kF32, {4, 2})); }, ErrorCode::kShapeMismatch, {"linear", "3", "4"}},
      {"reshape", [](B& b) { b.reshape(b.input("x", DType::kF32, {6}), {5}); }, ErrorCode::kShapeMismatch, {"reshape", "6", "5"}},
      {"reduce axis", [](B& b) { b.reduce(RLX_REDUCE_SUM, b.input("x", DType::kF32, {6}), {7}, false); }, ErrorCode::kInvalidAttribute, {"reduce", "7"}},
      {"add dtypes", [](B& b) { b.add(b.input("x", DType::kF32, {6}), b.input("y", DType::kI64, {6})); }, ErrorCode::kDtypeMismatch, {"f32", "i64"}},
      {"slice", [](B& b) { b.slice(b.input("x", DType::kF32, {6}), 0, 0, 9); }, ErrorCode::kShapeMismatch, {"slice", "9", "6"}},
      {"twice", [](B& b) { b.input("x", DType::kF32, {6}); b.input("x", DType::kF32, {6}); }, ErrorCode::kDuplicateName, {"`x`"}},
      {"expression", [](B& b) { b.input("x", DType::kF32, {"seq+"}); }, ErrorCode::kParseError, {"`x`"}},
      {"no outputs", [](B& b) { b.input("x", DType::kF32, {6}); }, ErrorCode::kInvalidModel, {"no outputs"}},
  };
  for (const BadModel& bad : cases) {
    SCOPED_TRACE(bad.name);
    B builder("bad");
    bad.build(builder);
    expect_error(builder.finish(), bad.code, bad.words);
  }
}

}  // namespace
