// SPDX-License-Identifier: Apache-2.0
// State pairs: one memory under two names, never overwritten before it was read.
#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

TEST(State, UpdateSliceWritesInPlace) {
  ImageMaker m;
  const auto cache = m.input("cache", DType::kF32, {4, 2}), u = m.input("u", DType::kF32, {1, 2}),
             at = m.input("at", DType::kI64, {2});
  const auto next = m.output("next", DType::kF32, {4, 2});
  m.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {cache, u, at}, {next});
  m.state(0, 0);
  Device device;
  Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  EXPECT_EQ(executable.info().arena_count == 0 || executable.info().arenas[0].bytes == 0, true)
      << "no copy of the state";
  Context context(executable);
  Tensor state = f32({4, 2}, std::vector<float>(8, 0)), update = f32({1, 2}, {5, 6});
  for (int64_t row : {2, 0}) {
    Tensor start = tensor<int64_t>(RLX_DTYPE_I64, {2}, {row, 0});
    const rlx_view in[3] = {state.view(), update.view(), start.view()}, out = state.view();
    ASSERT_EQ(context.run(nullptr, in, {&out, 1}), RLX_STATUS_OK) << context.message();
  }
  EXPECT_EQ(state.values<float>(), (std::vector<float>{5, 6, 0, 0, 5, 6, 0, 0}));
}

TEST(State, PairMustBeOneMemory) {
  ImageMaker m;
  const auto s = m.input("s", DType::kF32, {2});
  const auto n = m.output("n", DType::kF32, {2});
  m.op(RLX_OP_UNARY, {s}, {n}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  m.state(0, 0);
  Device device;
  Executable executable(device, m.image());
  Context context(executable);
  Tensor a = f32({2}, {1, 2}), b = f32({2}, {0, 0});
  const rlx_view in = a.view(), apart = b.view(), same = a.view();
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&apart, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(context.message().find("\"n\""), std::string::npos) << context.message();
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&same, 1}), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(a.values<float>(), (std::vector<float>{-1, -2}));
}

/// The new state is written while the old one is still wanted: reversed by its own op, read by a later op,
/// and returned.
TEST(State, OldStateIsReadBeforeItIsOverwritten) {
  ImageMaker m;
  const auto s = m.input("s", DType::kF32, {4}), t = m.input("t", DType::kF32, {4});
  const auto reversed = m.view(s, {4}, {-1}, 12);
  const auto s_next = m.output("s next", DType::kF32, {4}), sum = m.output("sum", DType::kF32, {4});
  m.op(RLX_OP_COPY, {reversed}, {s_next});
  m.op(RLX_OP_BINARY, {s, t}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  m.output_of("old", s);
  m.output_of("t next", s);
  m.state(0, 0);
  m.state(1, 3);
  Device device;
  Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  Context context(executable);
  Tensor sv = f32({4}, {1, 2, 3, 4}), tv = f32({4}, {10, 20, 30, 40}), sums = empty_like(RLX_DTYPE_F32, {4}),
         old = sums;
  const rlx_view in[2] = {sv.view(), tv.view()}, out[4] = {sv.view(), sums.view(), old.view(), tv.view()};
  ASSERT_EQ(context.run(nullptr, in, out), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(sv.values<float>(), (std::vector<float>{4, 3, 2, 1}));
  EXPECT_EQ(sums.values<float>(), (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(old.values<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(tv.values<float>(), (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace rlx_test
