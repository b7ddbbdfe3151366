// SPDX-License-Identifier: Apache-2.0
// rlx.profile/1: the same bits as execute, a slice for every op, inside the call, apart on each thread.
#include <rlx/ext/profile.h>

#include <algorithm>
#include <set>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

constexpr int64_t kRows = 256, kColumns = 512;

const rlx_profile_1& profile() {
  rlx_query_in in = query_in();
  rlx_query_out out = sized<rlx_query_out>();
  EXPECT_EQ(library().query(&in, &out, nullptr), RLX_STATUS_OK);
  return *static_cast<const rlx_profile_1*>(out.get_interface(str(RLX_INTERFACE_PROFILE_1)));
}

/// Two softmaxes, one after the other: enough work for several threads.
rlx::lir::Image two_ops() {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {kRows, kColumns});
  const auto middle = m.temp(DType::kF32, {kRows, kColumns});
  const auto y = m.output("y", DType::kF32, {kRows, kColumns});
  m.op(RLX_OP_SOFTMAX, {x}, {middle}, {{RLX_ATTR_AXIS, Dim(1)}});
  m.op(RLX_OP_SOFTMAX, {middle}, {y}, {{RLX_ATTR_AXIS, Dim(1)}});
  return m.image();
}

struct Profiled {
  int32_t status;
  std::vector<rlx_profile_slice> slices;
  uint64_t count;
  std::string message;
};

/// Times beside those of a run of the context, with room for `capacity` slices.
Profiled run_profiled(Context& context, const rlx_view& in, const rlx_view& out, uint32_t capacity) {
  rlx_execute_in run = sized<rlx_execute_in>();
  run.inputs = &in;
  run.input_count = 1;
  run.input_stride = sizeof in;
  run.outputs = &out;
  run.output_count = 1;
  run.output_stride = sizeof out;
  Profiled result{0, std::vector<rlx_profile_slice>(capacity), 0, ""};
  rlx_profile_execute_in asked = sized<rlx_profile_execute_in>();
  asked.execute = &run;
  asked.capacity = capacity;
  asked.slices = result.slices.data();
  asked.stride = sizeof(rlx_profile_slice);
  rlx_profile_execute_out answer = sized<rlx_profile_execute_out>();
  rlx_error error = sized<rlx_error>();
  result.status = profile().execute(context.get(), &asked, &answer, &error);
  result.count = answer.count;
  result.message = error.message;
  result.slices.resize(std::min<uint64_t>(capacity, answer.count));
  return result;
}

Tensor ramp() {
  std::vector<float> values(kRows * kColumns);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 97) / 31;
  return f32({kRows, kColumns}, values);
}

TEST(Profile, GivesTheBitsOfExecuteAndASliceForEveryOp) {
  for (const uint32_t threads : {0u, 3u}) {
    Device device(threads);
    Executable executable(device, two_ops());
    ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
    Context context(executable);
    Tensor x = ramp(), plain = empty_like(RLX_DTYPE_F32, {kRows, kColumns}), timed = empty_like(RLX_DTYPE_F32, {kRows, kColumns});
    const rlx_view in = x.view(), first = plain.view(), second = timed.view();
    ASSERT_EQ(context.run(nullptr, {&in, 1}, {&first, 1}), RLX_STATUS_OK) << context.message();
    const Profiled profiled = run_profiled(context, in, second, 64);
    ASSERT_EQ(profiled.status, RLX_STATUS_OK) << profiled.message;
    EXPECT_EQ(plain.bytes, timed.bytes);
    std::set<uint32_t> ops, seen_threads;
    for (const rlx_profile_slice& slice : profiled.slices) {
      EXPECT_LE(slice.begin_ns, slice.end_ns);
      ops.insert(slice.op_index);
      seen_threads.insert(slice.thread);
    }
    EXPECT_EQ(ops, (std::set<uint32_t>{0, 1}));
    EXPECT_EQ(seen_threads.size(), threads ? 3u : 1u);
    for (size_t i = 1; i < profiled.slices.size(); ++i)
      if (profiled.slices[i].thread == profiled.slices[i - 1].thread) {
        EXPECT_LE(profiled.slices[i - 1].end_ns, profiled.slices[i].begin_ns);
      }
  }
}

TEST(Profile, SaysHowManyThereAreWhereThereIsLessRoom) {
  Device device;
  Executable executable(device, two_ops());
  Context context(executable);
  Tensor x = ramp(), y = empty_like(RLX_DTYPE_F32, {kRows, kColumns});
  const Profiled all = run_profiled(context, x.view(), y.view(), 64), one = run_profiled(context, x.view(), y.view(), 1),
                 none = run_profiled(context, x.view(), y.view(), 0);
  EXPECT_GE(all.count, 2u);
  EXPECT_EQ(one.count, all.count);
  EXPECT_EQ(one.slices.size(), 1u);
  EXPECT_EQ(none.count, all.count);
}

TEST(Profile, RefusesWhatExecuteRefuses) {
  Device device;
  Executable executable(device, two_ops());
  Context context(executable);
  Tensor wrong = f32({2}, {1, 2}), y = empty_like(RLX_DTYPE_F32, {kRows, kColumns});
  const Profiled refused = run_profiled(context, wrong.view(), y.view(), 8);
  EXPECT_EQ(refused.status, RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(refused.message.find("\"x\""), std::string::npos) << refused.message;
  rlx_profile_execute_in empty = sized<rlx_profile_execute_in>();
  rlx_profile_execute_out out = sized<rlx_profile_execute_out>();
  EXPECT_EQ(profile().execute(context.get(), &empty, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_test
