// SPDX-License-Identifier: Apache-2.0
// Failures that earlier systems had around their caches and runs, where no other test is named for them; docs/failures.md
// lists them all.
#include "runtime/execute/aot_cache.h"
#include "tests/unit/runtime/execute/storage.h"

namespace rlx_test {
namespace {

using rlx::ErrorCode;

/// The name on disk and the bytes of a pool of `x` [1, 1, n, n] with a stride, plus a constant.
struct OnDisk {
  std::string name;
  Blob image;
};
OnDisk pooled(std::int64_t stride, float constant) {
  rlx::ModelBuilder builder("pool");
  const auto x = builder.input("x", rlx::DType::kF32, {"n", 8});
  const auto part = builder.slice(x, 1, 0, 8, stride);
  builder.set_output("y", builder.add(part, builder.scalar(rlx::DType::kF32, constant)));
  const auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  auto pipeline = *rlx::ModelCompilePipeline::create(open_cpu());
  const auto made = *pipeline.build_template("pool", *model);
  const auto image = *pipeline.specialize_template(made, {{"n", 3}});
  return {rlx::aot_key(*made.body(), {{"n", 3}}).name(), {image.image.begin(), image.image.end()}};
}

TEST(Failures, ConstantsAndAttributesAreInTheNameOfAFile) {
  const OnDisk one = pooled(2, 1);
  EXPECT_NE(pooled(3, 1).name, one.name) << "an attribute";
  EXPECT_NE(pooled(2, 1.5f).name, one.name) << "a constant";
}

TEST(Failures, TheSameModelGivesTheSameNameAndBytes) {
  const OnDisk one = pooled(2, 1), other = pooled(2, 1);
  EXPECT_EQ(one.name, other.name);
  EXPECT_EQ(one.image, other.image);
}

TEST(Failures, TwoParamsOfOneNameAreRefused) {
  rlx::ModelBuilder builder("twins");
  const auto x = builder.input("x", rlx::DType::kF32, {4});
  const auto first = builder.param("w", rlx::DType::kF32, {4}), second = builder.param("w", rlx::DType::kF32, {4});
  builder.set_output("y", builder.add(builder.mul(x, first), second));
  expect_error(builder.finish(), ErrorCode::kDuplicateName, {"`w`"});
}

TEST(Failures, OutputsOutliveWhatMadeThem) {
  std::vector<rlx::NamedTensor> outputs;
  {
    rlx::ModelBuilder builder("sum");
    const auto x = builder.input("x", rlx::DType::kF32, {"n"});
    builder.set_output("y", builder.add(x, x));
    auto pipeline = *rlx::ModelCompilePipeline::create(open_cpu());
    const auto graph = *pipeline.get_or_compile(*pipeline.build_template("sum", *builder.finish()), {{"n", 3}});
    const std::vector<float> values = {1, 2, 3};
    const std::vector<rlx::NamedView> inputs = {{"x", {rlx::DType::kF32, {3}, values.data(), 12}}};
    outputs = *graph.run(inputs);
  }
  const auto y = outputs.at(0).tensor.f32();
  EXPECT_EQ(std::vector<float>(y.begin(), y.end()), (std::vector<float>{2, 4, 6}));
}

}  // namespace
}  // namespace rlx_test
