// SPDX-License-Identifier: Apache-2.0
// Options of the reference plugin, through the host: what is emitted, how composites are answered, what is
// refused.
#include <gtest/gtest.h>
#include <rlx/ops.h>
#include <rlx/host/pipeline.hpp>

#include <cmath>

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

rlx::Device device() {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_REFERENCE_PLUGIN};
  options.only_plugin_paths = true;
  return rlx::Runtime::discover(options).value().device("reference").value();
}

/// softmax(x), and how many of x are above 0.5.
rlx::Model model() {
  rlx::ModelBuilder b;
  const auto x = b.input("x", rlx::DType::kF32, {2, 3});
  const auto above = b.cast(b.compare(RLX_COMPARE_GT, x, b.scalar(rlx::DType::kF32, 0.5)), rlx::DType::kI64);
  b.set_outputs({b.softmax(x), b.reduce(RLX_REDUCE_SUM, above, {0, 1}, false)});
  return b.finish().value();
}

rlx::Result<std::vector<rlx::NamedTensor>> run(const Options& backend, std::size_t* expanded = nullptr) {
  rlx::CompileOptions options;
  options.backend = backend;
  auto session = rlx::Session::compile(device(), model(), options);
  if (!session) return std::move(session).error();
  const std::vector<float> values{0.25f, 1, -2, 3, 0, 0.75f};
  const rlx::Tensor x = rlx::Tensor::of({2, 3}, values);
  const std::vector<rlx::NamedView> inputs{{"x", x.view()}};
  auto out = session->run(inputs);
  if (out && expanded) {
    const auto binding = session->model_template().bind(inputs);
    *expanded =
        session->pipeline().get_or_compile(session->model_template(), binding.value())->report().expanded;
  }
  return out;
}

TEST(ReferencePlugin, EmitsValuesOrBounds) {
  const auto value = run({}), bound = run({{"emit", "bound"}});
  ASSERT_TRUE(value && bound);
  EXPECT_EQ((*value)[1].tensor.i64()[0], 3);
  EXPECT_EQ((*bound)[1].tensor.i64()[0], 0);
  const double sum = std::exp(0.25 - 1) + 1 + std::exp(-3.0);
  EXPECT_FLOAT_EQ((*value)[0].tensor.f32()[0], static_cast<float>(std::exp(0.25 - 1) / sum));
  for (const float e : (*bound)[0].tensor.f32()) {
    EXPECT_GT(e, 0);
    EXPECT_LT(e, 1e-4);
  }
}

TEST(ReferencePlugin, OpensCompositesWhereAsked) {
  std::size_t direct = 9, region = 0;
  const auto a = run({}, &direct), b = run({{"composites", "region"}}, &region);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(direct, 0u);
  EXPECT_GE(region, 1u);
  for (std::size_t n = 0; n < 6; ++n) EXPECT_NEAR((*a)[0].tensor.f32()[n], (*b)[0].tensor.f32()[n], 1e-7);
}

TEST(ReferencePlugin, RefusesWhatItDoesNotKnow) {
  for (const Options& options :
       {Options{{"emit", "nothing"}}, Options{{"colour", "red"}}, Options{{"composites", ""}}}) {
    const auto out = run(options);
    ASSERT_FALSE(out) << options[0].first;
    EXPECT_NE(out.error().message().find(options[0].first), std::string::npos) << out.error().message();
  }
}

}  // namespace
