// SPDX-License-Identifier: Apache-2.0
// Whole models on the example backend: composites that it does not know are expanded by the core.
#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>
#include <rlx/ops.h>

#include <vector>

namespace {

rlx::Device plain() {
  rlx::RuntimeOptions options;
  options.plugin_paths = {RLX_PARITY_PLUGIN};
  options.only_plugin_paths = true;
  const auto device = rlx::Runtime::discover(options)->device("plain");
  EXPECT_TRUE(device) << device.error().to_string();
  return *device;
}

std::vector<float> counting(std::size_t count, float step) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 7) * step - 1;
  return values;
}

/// relu(x w + b) by definition, in double.
std::vector<double> dense_layer(const std::vector<float>& x, const std::vector<float>& w,
                                const std::vector<float>& b) {
  const std::size_t k = w.size() / b.size(), n = b.size(), rows = x.size() / k;
  std::vector<double> y(rows * n);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < n; ++c) {
      double sum = b[c];
      for (std::size_t i = 0; i < k; ++i) sum += double(x[r * k + i]) * double(w[i * n + c]);
      y[r * n + c] = sum > 0 ? sum : 0;
    }
  return y;
}

TEST(PlainModel, RunsALinearLayerWithBiasAndReluAtTwoLengths) {
  rlx::ModelBuilder builder("linear");
  const auto x = builder.input("x", rlx::DType::kF32, {1, "seq", 4});
  const auto w = builder.param("w", rlx::DType::kF32, {4, 3}), b = builder.param("b", rlx::DType::kF32, {3});
  builder.set_outputs({builder.linear(x, w, b, rlx::Activation::kRelu)});
  const auto model = builder.finish();
  ASSERT_TRUE(model) << model.error().to_string();
  auto pipeline = rlx::ModelCompilePipeline::create(plain());
  ASSERT_TRUE(pipeline) << pipeline.error().to_string();
  const auto made = pipeline->build_template("linear", *model);
  ASSERT_TRUE(made) << made.error().to_string();
  const auto weights = counting(12, 0.5f), bias = counting(3, 0.25f);
  const auto w_tensor = rlx::Tensor::of({4, 3}, weights), b_tensor = rlx::Tensor::of({3}, bias);
  for (const std::int64_t seq : {8, 3}) {
    auto graph = pipeline->get_or_compile(*made, {{"seq", seq}});
    ASSERT_TRUE(graph) << graph.error().to_string();
    ASSERT_TRUE(graph->set_param("w", w_tensor.view()));
    ASSERT_TRUE(graph->set_param("b", b_tensor.view()));
    const auto values = counting(static_cast<std::size_t>(seq * 4), 0.75f);
    const auto input = rlx::Tensor::of({1, seq, 4}, values);
    const auto outputs = graph->run({{{"x", input.view()}}});
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    const auto wanted = dense_layer(values, weights, bias);
    const auto seen = outputs->front().tensor.f32();
    ASSERT_EQ(seen.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(double(seen[i]), wanted[i], 1e-5) << i;
  }
}

TEST(PlainModel, NamesTheOpsThatItDoesNotHave) {
  rlx::ModelBuilder builder("sum");
  const auto x = builder.input("x", rlx::DType::kF32, {4, 4});
  builder.set_outputs({builder.reduce(RLX_REDUCE_SUM, x, {1}, false)});
  const auto model = builder.finish();
  ASSERT_TRUE(model) << model.error().to_string();
  auto pipeline = rlx::ModelCompilePipeline::create(plain());
  const auto made = pipeline->build_template("sum", *model);
  ASSERT_TRUE(made) << made.error().to_string();
  const auto graph = pipeline->get_or_compile(*made, {});
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().message().find("no kernel for this op"), std::string::npos) << graph.error().message();
}

}  // namespace
