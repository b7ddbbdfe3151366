// SPDX-License-Identifier: Apache-2.0
// Threads: many contexts of one executable, teams of every size, one fork a run, the same bits.
#include <atomic>
#include <cmath>
#include <thread>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

constexpr int kWidth = 96;

/// A chain of products, norms and functions over a stack of layers, with a gather in front.
rlx::lir::Image chain(int rows, int layers) {
  ImageMaker m;
  const auto table = m.param("table", DType::kF32, {50, kWidth}, 0),
             w = m.param("w", DType::kF32, {kWidth, kWidth}, 1);
  const auto g = m.param("g", DType::kF32, {kWidth}, 2);
  const auto ids = m.input("ids", DType::kI64, {rows});
  auto x = m.temp(DType::kF32, {rows, kWidth});
  m.op(RLX_OP_GATHER, {table, ids}, {x}, {{RLX_ATTR_AXIS, Dim(0)}});
  for (int i = 0; i < layers; ++i) {
    const auto h = m.temp(DType::kF32, {rows, kWidth}), n = m.temp(DType::kF32, {rows, kWidth});
    m.op(RLX_OP_LINEAR, {x, w, x}, {h},
         {{RLX_ATTR_PARTS, Dim(1)}, {RLX_ATTR_HAS_RESIDUAL, Dim(1)}, {RLX_ATTR_ACT, Dim(RLX_ACT_GELU_ERF)}});
    m.op(RLX_OP_LAYER_NORM, {h, g, g}, {n}, {{RLX_ATTR_AXIS, Dim(1)}});
    x = n;
  }
  const auto y = m.output("y", DType::kF32, {rows, kWidth});
  m.op(RLX_OP_UNARY, {x}, {y}, {{RLX_ATTR_FN, Dim(RLX_UNARY_TANH)}});
  return m.image();
}

std::vector<Tensor> chain_params() {
  const auto fill = [](std::vector<int64_t> dims, float step) {
    size_t n = 1;
    for (int64_t dim : dims) n *= size_t(dim);
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = 0.1f * (std::fmod(step * float(i % 977), 2.0f) - 1);
    return f32(std::move(dims), values);
  };
  return {fill({50, kWidth}, 0.37f), fill({kWidth, kWidth}, 0.53f), fill({kWidth}, 0.71f)};
}

Tensor chain_ids(int rows, int seed) {
  std::vector<int64_t> ids;
  for (int i = 0; i < rows; ++i) ids.push_back((i * 7 + seed) % 50);
  return tensor(RLX_DTYPE_I64, {rows}, ids);
}

std::vector<char> run_chain(Context& context, const Set& set, int rows, int seed) {
  Tensor ids = chain_ids(rows, seed), y = empty_like(RLX_DTYPE_F32, {rows, kWidth});
  const rlx_view in = ids.view(), out = y.view();
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context.message();
  return y.bytes;
}

TEST(Threads, TeamsOfEverySizeGiveTheSameBitsInOneFork) {
  const int rows = 37, layers = 4;
  std::vector<char> alone;
  for (const uint32_t threads : {0u, 1u, 2u, 3u, 4u}) {
    Device device(threads);
    Executable executable(device, chain(rows, layers));
    ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
    Set set(device, chain_params());
    ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK) << set.message();
    for (const uint32_t limit : {0u, 1u}) {
      Context context(executable, limit);
      context.poison(0xFF);
      const uint32_t forks = device.forks();
      const auto bytes = run_chain(context, set, rows, 3);
      EXPECT_EQ(device.forks() - forks, threads > 1 && limit == 0 ? 1u : 0u);
      if (alone.empty()) alone = bytes;
      EXPECT_EQ(bytes, alone) << threads << " threads, limit " << limit;
    }
  }
}

TEST(Threads, RowsDoNotDependOnTheirBatch) {
  Device device(2);
  Set set(device, chain_params());
  Executable one(device, chain(1, 3));
  ASSERT_EQ(set.prepare(one), RLX_STATUS_OK);
  Context single(one);
  for (const int rows : {2, 13, 64}) {
    Executable many(device, chain(rows, 3));
    ASSERT_EQ(set.prepare(many), RLX_STATUS_OK);
    Context context(many);
    const auto batch = run_chain(context, set, rows, 5);
    for (const int row : {0, rows / 2, rows - 1}) {
      const auto alone = run_chain(single, set, 1, (row * 7 + 5) % 50);
      EXPECT_EQ(memcmp(alone.data(), batch.data() + size_t(row) * kWidth * 4, kWidth * 4), 0)
          << row << " of " << rows;
    }
  }
}

TEST(Threads, EightContextsOfOneExecutableRunAtOnce) {
  const int rows = 21;
  Device device;
  Executable executable(device, chain(rows, 3));
  Set set(device, chain_params());
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  std::vector<std::vector<char>> wanted;
  Context first(executable);
  for (int seed = 0; seed < 8; ++seed) wanted.push_back(run_chain(first, set, rows, seed));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      Context context(executable);
      for (int i = 0; i < 50; ++i) {
        if (i % 7 == 0) context.poison(static_cast<unsigned char>(i));
        if (run_chain(context, set, rows, seed) != wanted[size_t(seed)]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace rlx_test
