// SPDX-License-Identifier: Apache-2.0
// Param sets: packs made once and shared, bases, drops, what is refused.
#include <thread>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

constexpr int kK = 24, kN = 20;

Tensor weights(float step) {
  std::vector<float> values(kK * kN);
  for (size_t i = 0; i < values.size(); ++i) values[i] = step * float(i % 13) - 0.5f;
  return f32({kK, kN}, values);
}
Tensor bias(float first) {
  std::vector<float> values(kN);
  for (size_t i = 0; i < values.size(); ++i) values[i] = first + float(i);
  return f32({kN}, values);
}

/// y[rows, N] = x[rows, K] w + b.
rlx::lir::Image linear_image(int rows) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {rows, kK});
  const auto w = m.param("w", DType::kF32, {kK, kN}, 0), b = m.param("b", DType::kF32, {kN}, 1);
  const auto y = m.output("y", DType::kF32, {rows, kN});
  m.op(RLX_OP_LINEAR, {x, w, b}, {y}, {{RLX_ATTR_PARTS, rlx::Dim(1)}, {RLX_ATTR_HAS_BIAS, rlx::Dim(1)}});
  return m.image();
}

std::vector<float> run_linear(const Executable& executable, const Set& set, int rows) {
  Context context(executable);
  std::vector<float> x(size_t(rows) * kK);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i % 7) - 3;
  Tensor input = f32({rows, kK}, x), output = empty_like(RLX_DTYPE_F32, {rows, kN});
  const rlx_view in = input.view(), out = output.view();
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context.message();
  return output.values<float>();
}

std::vector<float> expected_linear(const Tensor& w, const Tensor& b, int rows) {
  const auto wv = w.values<float>(), bv = b.values<float>();
  std::vector<float> y(size_t(rows) * kN);
  for (int r = 0; r < rows; ++r) {
    for (int n = 0; n < kN; ++n) {
      double sum = bv[size_t(n)];
      for (int k = 0; k < kK; ++k)
        sum += double(float((r * kK + k) % 7) - 3) * double(wv[size_t(k * kN + n)]);
      y[size_t(r * kN + n)] = float(sum);
    }
  }
  return y;
}

void expect_near(const std::vector<float>& seen, const std::vector<float>& wanted) {
  ASSERT_EQ(seen.size(), wanted.size());
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(seen[i], wanted[i], 1e-3f) << i;
}

TEST(Params, TwoExecutablesShareOnePack) {
  Device device;
  Executable one(device, linear_image(1)), many(device, linear_image(9));
  Set set(device, {weights(0.25f), bias(1)});
  ASSERT_EQ(set.prepare(one), RLX_STATUS_OK) << set.message();
  const rlx_usage_out first = set.usage();
  EXPECT_EQ(first.pack_count, 1u);
  EXPECT_GE(first.packed_bytes, uint64_t(kK * 32 * 4));
  EXPECT_EQ(first.source_bytes, uint64_t(kK * kN * 4 + kN * 4));
  ASSERT_EQ(set.prepare(many), RLX_STATUS_OK);
  ASSERT_EQ(set.prepare(many), RLX_STATUS_OK);
  const rlx_usage_out second = set.usage();
  EXPECT_EQ(second.pack_count, 1u);
  EXPECT_EQ(second.packed_bytes, first.packed_bytes);
  EXPECT_EQ(one.info().pack_key_low, many.info().pack_key_low);
  expect_near(run_linear(one, set, 1), expected_linear(weights(0.25f), bias(1), 1));
  expect_near(run_linear(many, set, 9), expected_linear(weights(0.25f), bias(1), 9));
  library().params->release(set.get(), one.get());
  expect_near(run_linear(many, set, 9), expected_linear(weights(0.25f), bias(1), 9));
  library().params->release(set.get(), many.get());
  EXPECT_EQ(set.usage().pack_count, 0u);
}

TEST(Params, ReplacingOneEntrySharesTheRest) {
  Device device;
  Executable executable(device, linear_image(3));
  auto base = std::make_unique<Set>(device, std::vector<Tensor>{weights(0.25f), bias(1)});
  ASSERT_EQ(base->prepare(executable), RLX_STATUS_OK);
  Tensor absent{RLX_DTYPE_NONE, {}, {}};
  Set heir(device, {absent, bias(100)}, base->get());
  ASSERT_EQ(heir.prepare(executable), RLX_STATUS_OK) << heir.message();
  const rlx_usage_out usage = heir.usage();
  EXPECT_EQ(usage.packed_bytes, 0u) << "the weight's pack is the base's";
  EXPECT_GE(usage.shared_bytes, uint64_t(kK * kN * 4));
  expect_near(run_linear(executable, heir, 3), expected_linear(weights(0.25f), bias(100), 3));
  expect_near(run_linear(executable, *base, 3), expected_linear(weights(0.25f), bias(1), 3));
}

TEST(Params, OneContextServesTwoSetsInTurn) {
  Device device;
  Executable executable(device, linear_image(2));
  Set a(device, {weights(0.25f), bias(1)}), b(device, {weights(-0.5f), bias(7)});
  ASSERT_EQ(a.prepare(executable), RLX_STATUS_OK);
  ASSERT_EQ(b.prepare(executable), RLX_STATUS_OK);
  Context context(executable);
  Tensor x = f32({2, kK}, std::vector<float>(2 * kK, 1)), y = empty_like(RLX_DTYPE_F32, {2, kN});
  const rlx_view in = x.view(), out = y.view();
  std::vector<std::vector<float>> results;
  for (const Set* set : {&a, &b, &a, &b}) {
    ASSERT_EQ(context.run(set->get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context.message();
    results.push_back(y.values<float>());
  }
  EXPECT_EQ(results[0], results[2]);
  EXPECT_EQ(results[1], results[3]);
  EXPECT_NE(results[0], results[1]);
}

TEST(Params, ManyThreadsMakeOnePack) {
  Device device;
  std::vector<std::unique_ptr<Executable>> executables;
  for (int i = 0; i < 8; ++i)
    executables.push_back(std::make_unique<Executable>(device, linear_image(i + 1)));
  Set set(device, {weights(0.25f), bias(1)});
  std::vector<std::thread> threads;
  for (auto& executable : executables) {
    threads.emplace_back([&] {
      rlx_prepare_in in = sized<rlx_prepare_in>();
      in.executable = executable->get();
      rlx_prepare_out out = sized<rlx_prepare_out>();
      EXPECT_EQ(library().params->prepare(set.get(), &in, &out, nullptr), RLX_STATUS_OK);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(set.usage().pack_count, 1u);
  expect_near(run_linear(*executables[4], set, 5), expected_linear(weights(0.25f), bias(1), 5));
}

TEST(Params, NamesWhatIsMissingOrWrong) {
  Device device;
  Executable executable(device, linear_image(1));
  Tensor absent{RLX_DTYPE_NONE, {}, {}};
  Set partial(device, {weights(1), absent});
  rlx_prepare_in in = sized<rlx_prepare_in>();
  uint32_t missing[4] = {9, 9, 9, 9};
  in.executable = executable.get();
  in.missing = missing;
  in.missing_capacity = 4;
  rlx_prepare_out out = sized<rlx_prepare_out>();
  rlx_error error = sized<rlx_error>();
  EXPECT_EQ(library().params->prepare(partial.get(), &in, &out, &error), RLX_STATUS_NOT_FOUND);
  EXPECT_EQ(out.missing_count, 1u);
  EXPECT_EQ(missing[0], 1u);
  EXPECT_EQ(missing[1], 9u);
  EXPECT_EQ(error.detail, 1u);
  Set wrong(device, {f32({kN, kK}, std::vector<float>(kN * kK)), bias(0)});
  EXPECT_EQ(wrong.prepare(executable), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(wrong.message().find("\"w\""), std::string::npos) << wrong.message();
  EXPECT_NE(wrong.message().find("[24, 20]"), std::string::npos) << wrong.message();
}

TEST(Params, ExecuteWantsAPreparedSet) {
  Device device, other;
  Executable executable(device, linear_image(1));
  Set set(device, {weights(1), bias(0)}), stranger(other, {weights(1), bias(0)});
  Context context(executable);
  Tensor x = empty_like(RLX_DTYPE_F32, {1, kK}), y = empty_like(RLX_DTYPE_F32, {1, kN});
  const rlx_view in = x.view(), out = y.view();
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_FAILED_PRECONDITION);
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(context.run(stranger.get(), {&in, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(stranger.prepare(executable), RLX_STATUS_INVALID_ARGUMENT);
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK);
  library().params->release(set.get(), executable.get());
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_FAILED_PRECONDITION);
}

TEST(Params, DropsEverySourceExactlyOnce) {
  Device device;
  int drops[4] = {};
  const auto put = [&](rlx_param_set* set, uint32_t index, uint64_t bytes, int* count, const char* host) {
    static const int64_t dims[1] = {3};
    rlx_put_in in = sized<rlx_put_in>();
    in.index = index;
    in.dtype = RLX_DTYPE_F32;
    in.rank = 1;
    in.dims = dims;
    in.host = host;
    in.bytes = bytes;
    in.drop = [](void* user) { ++*static_cast<int*>(user); };
    in.drop_user = count;
    return library().params->put(set, &in, nullptr, nullptr);
  };
  alignas(8) static const char data[32] = {};
  rlx_params_create_in in = sized<rlx_params_create_in>();
  in.count = 2;
  rlx_params_create_out base = sized<rlx_params_create_out>(), heir = base;
  ASSERT_EQ(library().params->create(device.get(), &in, &base, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(put(base.set, 0, 12, &drops[0], data), RLX_STATUS_OK);
  EXPECT_EQ(put(base.set, 1, 12, &drops[1], data + 1), RLX_STATUS_OK) << "bytes of any alignment";
  EXPECT_EQ(put(base.set, 0, 8, &drops[2], data), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(put(base.set, 5, 12, &drops[2], data), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(drops[2], 2) << "also when put fails";
  library().params->seal(base.set, nullptr, nullptr, nullptr);
  EXPECT_EQ(put(base.set, 0, 12, &drops[3], data), RLX_STATUS_FAILED_PRECONDITION);
  EXPECT_EQ(drops[3], 1);
  in.base = base.set;
  ASSERT_EQ(library().params->create(device.get(), &in, &heir, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(put(heir.set, 0, 12, &drops[3], data), RLX_STATUS_OK);
  library().params->seal(heir.set, nullptr, nullptr, nullptr);
  EXPECT_EQ(drops[0], 0);
  library().params->destroy(base.set);
  EXPECT_EQ(drops[0], 1) << "the heir replaced it";
  library().params->destroy(heir.set);
  EXPECT_EQ(drops[0], 1);
  EXPECT_EQ(drops[1], 1);
  EXPECT_EQ(drops[3], 2);
}

}  // namespace
}  // namespace rlx_test
