// SPDX-License-Identifier: Apache-2.0
// MiniLM on C0 at a small shape, every element within the bound that the reference carries. Skipped where the
// model is not.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "support.h"

namespace {

using rlx::DType;
using rlx::Tensor;

std::filesystem::path model_path() {
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/") / ".cache/rlx/models/all-MiniLM-L6-v2/model.onnx";
}

rlx::Device device_of(const char* path) {
  rlx::RuntimeOptions options;
  options.plugin_paths = {path};
  options.only_plugin_paths = true;
  return rlx::Runtime::discover(options).value().device().value();
}

/// One output of one run.
rlx::Result<std::vector<rlx::NamedTensor>> run(const char* path, const char* emit, const rlx::Model& model) {
  const std::vector<std::int64_t> ids{101, 7592, 2088, 999, 102}, ones(5, 1), zeros(5, 0);
  const Tensor tokens = Tensor::of({1, 5}, ids), mask = Tensor::of({1, 5}, ones),
               types = Tensor::of({1, 5}, zeros);
  rlx::CompileOptions options;
  if (emit) options.backend = {{"emit", emit}};
  auto session = rlx::Session::compile(device_of(path), model, options);
  if (!session) return std::move(session).error();
  return session->run(
      {{{"input_ids", tokens.view()}, {"attention_mask", mask.view()}, {"token_type_ids", types.view()}}});
}

TEST(MiniLm, IsWithinTheBoundsOfTheReference) {
  if (!std::filesystem::exists(model_path())) GTEST_SKIP() << "no model at " << model_path();
  const auto model = rlx::load_model(model_path().string());
  ASSERT_TRUE(model) << model.error().to_string();
  const auto seen = run(RLX_TEST_PLUGIN, nullptr, *model);
  const auto value = run(RLX_REFERENCE_PLUGIN, "value", *model),
             bound = run(RLX_REFERENCE_PLUGIN, "bound", *model);
  ASSERT_TRUE(seen) << seen.error().to_string();
  ASSERT_TRUE(value) << value.error().to_string();
  ASSERT_TRUE(bound) << bound.error().to_string();
  const auto y = seen->front().tensor.f32(), v = value->front().tensor.f32(), e = bound->front().tensor.f32();
  ASSERT_EQ(y.size(), 5u * 384u);
  for (std::size_t i = 0; i < y.size(); ++i) {
    ASSERT_TRUE(e[i] > 0 && e[i] < 0.5f) << "the bound says nothing at " << i << ": " << e[i];
    ASSERT_LE(std::fabs(double{y[i]} - double{v[i]}), double{e[i]}) << "element " << i;
  }
}

}  // namespace
