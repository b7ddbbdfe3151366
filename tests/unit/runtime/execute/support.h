// SPDX-License-Identifier: Apache-2.0
// What the tests of the public face share: a device, small models, and expectations on errors.
#pragma once

#include <gtest/gtest.h>
#include <rlx/host/pipeline.hpp>
#include <rlx/ops.h>

#include <string>
#include <vector>

namespace rlx_test {

/// The device that the tests run on: the highest priority beside the library, or what the build of a test names.
inline rlx::Device open_device(unsigned threads = 0, rlx::RuntimeOptions options = {}) {
  options.threads = threads;
#ifdef RLX_TEST_PLUGIN
  options.plugin_paths = {RLX_TEST_PLUGIN};
  options.only_plugin_paths = true;
#endif
  auto runtime = rlx::Runtime::discover(options);
  auto device = runtime->device();
  if (!device) ADD_FAILURE() << device.error().to_string();
  return device ? *device : rlx::Device();
}

/// y = x[1, seq, 4] . w[4, 2]
inline rlx::Model linear_model() {
  rlx::ModelBuilder builder("linear");
  const auto x = builder.input("x", rlx::DType::kF32, {1, "seq", 4});
  builder.set_outputs({builder.linear(x, builder.param("w", rlx::DType::kF32, {4, 2}))});
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return *model;
}

/// Token and mask inputs over batch and seq, a table of 512 positions and a vocabulary of 10.
inline rlx::Model token_model() {
  rlx::ModelBuilder builder("tokens");
  builder.symbol("seq", 1, 512);
  const auto ids = builder.input("input_ids", rlx::DType::kI64, {"batch", "seq"});
  const auto mask = builder.input("attention_mask", rlx::DType::kI64, {"batch", "seq"});
  const auto words = builder.gather(builder.param("table", rlx::DType::kF32, {10, 4}), ids);
  const auto weight = builder.reshape(builder.cast(mask, rlx::DType::kF32), {"batch", "seq", 1});
  builder.set_output("pooled", builder.reduce(RLX_REDUCE_SUM, builder.mul(words, weight), {1}, false));
  auto model = builder.finish();
  EXPECT_TRUE(model) << model.error().to_string();
  return *model;
}

inline std::vector<float> counting(std::size_t count, float step = 1) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) * step;
  return values;
}

template <class T>
void expect_error(const rlx::Result<T>& result, rlx::ErrorCode code, const std::vector<std::string>& words) {
  ASSERT_FALSE(result.has_value()) << "wanted " << rlx::code_text(code);
  EXPECT_EQ(rlx::code_text(result.error().code()), rlx::code_text(code)) << result.error().message();
  for (const std::string& word : words)
    EXPECT_NE(result.error().message().find(word), std::string::npos) << "`" << word << "` is not in: " << result.error().message();
}

}  // namespace rlx_test
