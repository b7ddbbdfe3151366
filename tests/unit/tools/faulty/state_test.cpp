// SPDX-License-Identifier: Apache-2.0
// State pairs of C0: one memory under two names, and what reads the old value reads it before it goes.
#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

TEST(C0State, UpdateSliceKeepsTheOtherRows) {
  ImageMaker m;
  const auto cache = m.input("cache", DType::kF32, {3, 2}), u = m.input("u", DType::kF32, {1, 2}), at = m.input("at", DType::kI64, {2});
  const auto next = m.output("next", DType::kF32, {3, 2});
  m.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {cache, u, at}, {next});
  m.state(0, 0);
  const Device device;
  const Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  Context context(executable);
  Tensor state = f32({3, 2}, {1, 2, 3, 4, 5, 6}), update = f32({1, 2}, {7, 8}), start = tensor<int64_t>(RLX_DTYPE_I64, {2}, {1, 0});
  const rlx_view in[3] = {state.view(), update.view(), start.view()}, out = state.view();
  ASSERT_EQ(context.run(nullptr, in, {&out, 1}), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(state.values<float>(), (std::vector<float>{1, 2, 7, 8, 5, 6}));
}

TEST(C0State, TwoStatesChangePlacesAndAnOutputShowsTheOldOne) {
  ImageMaker m;
  const auto a = m.input("a", DType::kF32, {2}), b = m.input("b", DType::kF32, {2});
  const auto old = m.output("old", DType::kF32, {2});
  m.output_of("new a", b);
  m.output_of("new b", a);
  m.op(RLX_OP_UNARY, {a}, {old}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  m.state(0, 1);
  m.state(1, 2);
  const Device device;
  const Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  Context context(executable);
  Tensor first = f32({2}, {1, 2}), second = f32({2}, {3, 4}), shown = empty_like(RLX_DTYPE_F32, {2});
  const rlx_view in[2] = {first.view(), second.view()}, out[3] = {shown.view(), first.view(), second.view()};
  ASSERT_EQ(context.run(nullptr, in, out), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(first.values<float>(), (std::vector<float>{3, 4}));
  EXPECT_EQ(second.values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(shown.values<float>(), (std::vector<float>{-1, -2}));
}

TEST(C0State, APairInTwoPlacesIsRefused) {
  ImageMaker m;
  const auto s = m.input("s", DType::kF32, {2});
  const auto n = m.output("n", DType::kF32, {2});
  m.op(RLX_OP_UNARY, {s}, {n}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  m.state(0, 0);
  const Device device;
  const Executable executable(device, m.image());
  Context context(executable);
  Tensor one = f32({2}, {1, 2}), other = f32({2}, {5, 6});
  const rlx_view in = one.view(), out = other.view();
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(context.message().find("\"n\""), std::string::npos) << context.message();
  EXPECT_EQ(other.values<float>(), (std::vector<float>{5, 6}));
}

}  // namespace
}  // namespace rlx_test
