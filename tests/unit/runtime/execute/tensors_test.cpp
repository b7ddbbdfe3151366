// SPDX-License-Identifier: Apache-2.0
// What a run takes and gives: every dtype bit for bit, names in any order, sizes exact to the byte, tensors of no element.
#include <algorithm>
#include <cstring>

#include "support.h"

namespace {

using namespace rlx_test;
using rlx::DType;
using rlx::ErrorCode;
using rlx::NamedMutableView;
using rlx::NamedView;
using rlx::Tensor;

rlx::CompiledGraph compiled(rlx::ModelBuilder& builder, const rlx::Binding& binding = {}) {
  const auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  auto pipeline = rlx::ModelCompilePipeline::create(open_device());
  const auto made = pipeline->build_template("model", *model);
  EXPECT_TRUE(made) << made.error().to_string();
  const auto graph = pipeline->get_or_compile(*made, binding);
  EXPECT_TRUE(graph) << graph.error().to_string();
  return graph ? *graph : rlx::CompiledGraph();
}

/// x + x of 8 floats between guards of `kGuard`.
class Exact : public testing::Test {
 protected:
  static constexpr float kGuard = 1234.5f;
  void SetUp() override {
    rlx::ModelBuilder builder("double");
    const auto x = builder.input("x", DType::kF32, {8});
    builder.set_output("y", builder.add(x, x));
    graph_ = compiled(builder);
    std::fill(memory_.begin(), memory_.end(), kGuard);
  }
  rlx::Status run(std::size_t in_bytes, std::size_t out_bytes, std::int64_t in_count = 8, std::int64_t out_count = 8) {
    const std::vector<NamedView> inputs = {{"x", {DType::kF32, {in_count}, in_.data(), in_bytes}}};
    const std::vector<NamedMutableView> outputs = {{"y", {DType::kF32, {out_count}, memory_.data() + 8, out_bytes}}};
    return graph_.run_into(inputs, outputs);
  }
  bool untouched() const {
    return std::all_of(memory_.begin(), memory_.end(), [](float value) { return value == kGuard; });
  }
  rlx::CompiledGraph graph_;
  std::vector<float> in_ = counting(64), memory_ = std::vector<float>(32);
};

TEST_F(Exact, OverLongInputIsRefusedAndNothingIsWritten) {
  expect_error(run(36, 32), ErrorCode::kWrongSize, {"input `x`", "36 bytes", "32"});
  expect_error(run(36, 32, 9), ErrorCode::kWrongShape, {"input `x`", "[9]", "[8]"});
  expect_error(run(32, 36), ErrorCode::kWrongSize, {"output `y`", "36 bytes", "32"});
  EXPECT_TRUE(untouched());
}

TEST_F(Exact, ShortInputIsRefusedAndNothingIsWritten) {
  expect_error(run(28, 32), ErrorCode::kWrongSize, {"input `x`", "28 bytes", "32"});
  expect_error(run(28, 32, 7), ErrorCode::kWrongShape, {"input `x`", "[7]", "[8]"});
  expect_error(run(32, 28), ErrorCode::kWrongSize, {"output `y`", "28 bytes", "32"});
  expect_error(run(0, 32), ErrorCode::kWrongSize, {"input `x`", "0 bytes", "32"});
  EXPECT_TRUE(untouched());
}

TEST_F(Exact, ARunWritesItsOutputAndNotAByteBesideIt) {
  ASSERT_TRUE(run(32, 32));
  for (std::size_t i = 0; i < memory_.size(); ++i)
    EXPECT_EQ(memory_[i], i >= 8 && i < 16 ? 2 * static_cast<float>(i - 8) : kGuard) << i;
}

TEST_F(Exact, UnknownNamesAreRefusedAndNothingIsWritten) {
  std::vector<NamedView> inputs = {{"X", {DType::kF32, {8}, in_.data(), 32}}};
  std::vector<NamedMutableView> outputs = {{"y", {DType::kF32, {8}, memory_.data(), 32}}};
  expect_error(graph_.run_into(inputs, outputs), ErrorCode::kUnknownName, {"no input `X`", "known: x"});
  inputs = {{"x", {DType::kF32, {8}, in_.data(), 32}}, {"more", {DType::kF32, {8}, in_.data(), 32}}};
  expect_error(graph_.run_into(inputs, outputs), ErrorCode::kUnknownName, {"no input `more`"});
  inputs.pop_back();
  outputs.push_back({"out0", {DType::kF32, {8}, memory_.data() + 8, 32}});
  expect_error(graph_.run_into(inputs, outputs), ErrorCode::kUnknownName, {"no output `out0`"});
  outputs = {{"y", {DType::kF32, {8}, memory_.data(), 32}}, {"y", {DType::kF32, {8}, memory_.data(), 32}}};
  expect_error(graph_.run_into(inputs, outputs), ErrorCode::kDuplicateName, {"output `y`"});
  expect_error(graph_.run_into({}, outputs), ErrorCode::kMissingInput, {"`x`"});
  EXPECT_TRUE(untouched());
}

/// Every bit pattern of the first bytes goes through unchanged: nothing passes through f32.
TEST(Dtypes, EveryOneGoesInAndComesOutBitForBit) {
  for (std::uint32_t number = 1; number <= 13; ++number) {
    const auto dtype = static_cast<DType>(number);
    SCOPED_TRACE(rlx::dtype_name(dtype));
    constexpr std::int64_t kCount = 32;
    rlx::ModelBuilder builder("reverse");
    const auto x = builder.input("x", dtype, {2, kCount / 2});
    builder.set_output("y", builder.transpose(x, {1, 0}));
    const auto graph = compiled(builder);
    Tensor in(dtype, {2, kCount / 2});
    auto* bytes = static_cast<unsigned char*>(in.data());
    for (std::size_t i = 0; i < in.bytes(); ++i) bytes[i] = dtype == DType::kBool ? i % 3 == 0 : static_cast<unsigned char>(i * 37 + 11);
    const auto outputs = graph.run({{{"x", in.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    const Tensor& out = outputs->front().tensor;
    ASSERT_EQ(out.dtype(), dtype);
    ASSERT_EQ(out.bytes(), in.bytes());
    const std::size_t size = rlx::dtype_bytes(dtype);
    for (std::size_t row = 0; row < 2; ++row)
      for (std::size_t column = 0; column < kCount / 2; ++column)
        EXPECT_EQ(std::memcmp(static_cast<const unsigned char*>(out.data()) + (column * 2 + row) * size,
                              bytes + (row * kCount / 2 + column) * size, size), 0) << row << ", " << column;
  }
}

TEST(Dtypes, IndicesPastTheMantissaOfAFloatAreExact) {
  constexpr std::int64_t kRows = (std::int64_t{1} << 24) + 4;
  rlx::ModelBuilder builder("rows");
  const auto table = builder.input("table", DType::kU8, {kRows, 1}), ids = builder.input("ids", DType::kI64, {3});
  builder.set_output("y", builder.gather(table, ids));
  const auto graph = compiled(builder);
  Tensor rows(DType::kU8, {kRows, 1}), which(DType::kI64, {3});
  auto* bytes = static_cast<unsigned char*>(rows.data());
  for (std::int64_t i = kRows - 8; i < kRows; ++i) bytes[i] = static_cast<unsigned char>(i & 0xFF);
  for (std::int64_t i = 0; i < 3; ++i) which.i64()[static_cast<std::size_t>(i)] = kRows - 4 + i;
  const auto outputs = graph.run({{{"ids", which.view()}, {"table", rows.view()}}});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const auto* seen = static_cast<const unsigned char*>(outputs->front().tensor.data());
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(seen[i], (kRows - 4 + i) & 0xFF);
}

TEST(Outputs, AreFoundByAnyNameInAnyOrder) {
  rlx::ModelBuilder builder("three");
  const auto x = builder.input("x", DType::kF32, {4});
  builder.set_output("out10", builder.add(x, x));
  builder.set_output("a name with spaces", builder.mul(x, x));
  builder.set_output("x/итог", builder.sub(x, builder.scalar(DType::kF32, 1)));
  const auto graph = compiled(builder);
  const Tensor in = Tensor::of({4}, counting(4));
  std::vector<Tensor> results(3, Tensor());
  for (Tensor& result : results) result = Tensor(DType::kF32, {4});
  const std::vector<NamedMutableView> outputs = {
      {"x/итог", results[0].mutable_view()}, {"out10", results[1].mutable_view()}, {"a name with spaces", results[2].mutable_view()}};
  const auto status = graph.run_into({{{"x", in.view()}}}, outputs);
  ASSERT_TRUE(status) << status.error().to_string();
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = static_cast<float>(i);
    EXPECT_EQ(results[0].f32()[i], value - 1);
    EXPECT_EQ(results[1].f32()[i], value + value);
    EXPECT_EQ(results[2].f32()[i], value * value);
  }
  const auto named = graph.run({{{"x", in.view()}}});
  EXPECT_EQ((*named)[1].name, "a name with spaces");
}

TEST(Outputs, OneValueUnderTwoNamesIsWrittenTwice) {
  rlx::ModelBuilder builder("twice");
  const auto x = builder.input("x", DType::kF32, {4});
  const auto y = builder.add(x, x);
  builder.set_output("one", y);
  builder.set_output("two", y);
  builder.set_output("same", x);
  const auto outputs = compiled(builder).run({{{"x", Tensor::of({4}, counting(4)).view()}}});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((*outputs)[0].tensor.f32()[i], 2 * static_cast<float>(i));
    EXPECT_EQ((*outputs)[1].tensor.f32()[i], 2 * static_cast<float>(i));
    EXPECT_EQ((*outputs)[2].tensor.f32()[i], static_cast<float>(i));
  }
}

TEST(Outputs, AModelWithoutAnyIsRefusedWhenItIsBuilt) {
  rlx::ModelBuilder builder("none");
  builder.input("x", DType::kF32, {4});
  expect_error(builder.finish(), ErrorCode::kInvalidModel, {"no outputs"});
}

TEST(Outputs, ARunThatForgetsOneIsRefused) {
  rlx::ModelBuilder builder("two");
  const auto x = builder.input("x", DType::kF32, {4});
  builder.set_output("a", builder.add(x, x));
  builder.set_output("b", builder.mul(x, x));
  const auto graph = compiled(builder);
  const Tensor in = Tensor::of({4}, counting(4));
  Tensor a(DType::kF32, {4});
  expect_error(graph.run_into({{{"x", in.view()}}}, {{{"a", a.mutable_view()}}}), ErrorCode::kMissingInput, {"output `b`"});
  expect_error(graph.run_into({{{"x", in.view()}}}, {}), ErrorCode::kMissingInput, {"output `a`"});
}

TEST(EmptyTensors, GoThroughWithAndWithoutMemory) {
  rlx::ModelBuilder builder("empty");
  builder.symbol("n", 0, 100);
  const auto x = builder.input("x", DType::kF32, {"n", 3});
  builder.set_output("double", builder.add(x, x));
  builder.set_output("sum", builder.reduce(RLX_REDUCE_SUM, x, {0}, false));
  const auto graph = compiled(builder, {{"n", 0}});
  Tensor sum = Tensor::of({3}, counting(3, 7));
  float nothing = 0;
  for (void* memory : {static_cast<void*>(nullptr), static_cast<void*>(&nothing)}) {
    const std::vector<NamedView> inputs = {{"x", {DType::kF32, {0, 3}, memory, 0}}};
    const std::vector<NamedMutableView> outputs = {{"double", {DType::kF32, {0, 3}, memory, 0}}, {"sum", sum.mutable_view()}};
    const auto status = graph.run_into(inputs, outputs);
    ASSERT_TRUE(status) << status.error().to_string();
    for (const float value : sum.f32()) EXPECT_EQ(value, 0);
  }
  const auto outputs = graph.run({{{"x", {DType::kF32, {0, 3}, nullptr, 0}}}});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  EXPECT_EQ((*outputs)[0].tensor.bytes(), 0u);
  EXPECT_EQ((*outputs)[0].tensor.dims(), (std::vector<std::int64_t>{0, 3}));
}

TEST(BoundRuns, ReadWhatLiesInTheInputsNow) {
  rlx::ModelBuilder builder("double");
  const auto x = builder.input("x", DType::kF32, {8});
  builder.set_output("y", builder.add(x, x));
  rlx::Result<rlx::BoundRun> bound;
  Tensor in(DType::kF32, {8}), out(DType::kF32, {8});
  {
    const auto graph = compiled(builder);
    bound = graph.bind({{{"x", in.view()}}}, {{{"y", out.mutable_view()}}});
    expect_error(graph.bind({{{"x", out.view()}}}, {}), ErrorCode::kMissingInput, {"`y`"});
  }  // the variant lives on
  ASSERT_TRUE(bound) << bound.error().to_string();
  for (const float value : {1.0f, -3.0f}) {
    for (float& element : in.f32()) element = value;
    ASSERT_TRUE(bound->call());
    for (const float element : out.f32()) EXPECT_EQ(element, 2 * value);
  }
  expect_error(rlx::BoundRun().call(), ErrorCode::kInvalidArgument, {"empty"});
}

}  // namespace
