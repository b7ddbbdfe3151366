// SPDX-License-Identifier: Apache-2.0
// Runs: views that are refused, empty tensors, data errors, plans, stops, outputs that are not results.
#include <time.h>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

rlx::lir::Image negate(bool planned = true) {
  ImageMaker m;
  const auto x = m.input("left side", DType::kF32, {2, 3});
  const auto t = m.temp(DType::kF32, {2, 3});
  const auto y = m.output("result", DType::kF32, {2, 3});
  m.op(RLX_OP_UNARY, {x}, {t}, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_NEG)}});
  m.op(RLX_OP_BINARY, {t, t}, {y}, {{RLX_ATTR_FN, rlx::Dim(RLX_BINARY_MUL)}});
  return m.image(planned);
}

const std::vector<float> kValues = {1, -2, 3, -4, 5, -6};
const std::vector<float> kSquares = {1, 4, 9, 16, 25, 36};

TEST(Execute, FollowsThePlanOrMakesItsOwn) {
  Device device;
  for (const bool planned : {true, false}) {
    Executable executable(device, negate(planned));
    ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
    EXPECT_EQ(executable.info().plan, planned ? RLX_PLAN_FOLLOWED : RLX_PLAN_OWN);
    ASSERT_GE(executable.info().arena_count, 1u);
    EXPECT_GE(executable.info().arenas[0].bytes, 24u);
    const auto out =
        run_once(device, negate(planned), {f32({2, 3}, kValues)}, {empty_like(RLX_DTYPE_F32, {2, 3})});
    EXPECT_EQ(out[0].values<float>(), kSquares);
  }
}

class BadViews : public ::testing::Test {
 protected:
  BadViews() : executable_(device_, negate()), context_(executable_) {}
  void expect_refused(const rlx_view& in, const rlx_view& out, const char* named, const char* why) {
    const std::vector<char> before = y_.bytes;
    EXPECT_EQ(context_.run(nullptr, {&in, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
    EXPECT_NE(context_.message().find(named), std::string::npos) << context_.message();
    EXPECT_NE(context_.message().find(why), std::string::npos) << context_.message();
    EXPECT_EQ(y_.bytes, before) << "outputs stay as they were";
    const rlx_view good_in = x_.view(), good_out = y_.view();
    Tensor keep = y_;
    EXPECT_EQ(context_.run(nullptr, {&good_in, 1}, {&good_out, 1}), RLX_STATUS_OK);
    EXPECT_EQ(y_.values<float>(), kSquares);
    y_ = keep;
  }
  Device device_;
  Executable executable_;
  Context context_;
  Tensor x_ = f32({2, 3}, kValues), y_ = empty_like(RLX_DTYPE_F32, {2, 3});
};

TEST_F(BadViews, DtypeRankDimsAndBytesAreNamed) {
  rlx_view in = x_.view(), out = y_.view();
  in.dtype = RLX_DTYPE_I32;
  expect_refused(in, out, "\"left side\"", "dtype");
  const int64_t wrong[2] = {3, 2};
  in = x_.view(), in.dims = wrong;
  expect_refused(in, out, "\"left side\"", "[3, 2]");
  in = x_.view(), in.rank = 1;
  expect_refused(in, out, "\"left side\"", "rank 1");
  out.bytes -= 1;
  expect_refused(x_.view(), out, "\"result\"", "23 bytes");
}

TEST_F(BadViews, MemoryIsChecked) {
  rlx_view in = x_.view(), out = y_.view();
  in.host = nullptr;
  expect_refused(in, out, "\"left side\"", "no memory");
  std::vector<char> odd(40);
  in = x_.view(), in.host = odd.data() + 1;
  expect_refused(in, out, "\"left side\"", "aligned");
  const int64_t transposed[2] = {1, 2};
  in = x_.view(), in.strides = transposed;
  expect_refused(in, out, "\"left side\"", "strides");
  out.host = x_.bytes.data();
  expect_refused(x_.view(), out, "\"result\"", "overlaps input 0");
}

TEST_F(BadViews, CountsAreChecked) {
  const rlx_view views[2] = {x_.view(), x_.view()};
  const rlx_view out = y_.view();
  EXPECT_EQ(context_.run(nullptr, {views, 2}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(context_.run(nullptr, {views, 1}, {}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(context_.run(nullptr, {views, 1}, {&out, 1}), RLX_STATUS_OK);
}

TEST_F(BadViews, DenseStridesAndElementAlignmentAreEnough) {
  Bytes memory(64, 4);
  memcpy(memory.data(), x_.bytes.data(), 24);
  const int64_t strides[2] = {3, 1};
  rlx_view in = x_.view();
  in.host = memory.data();
  in.strides = strides;
  const rlx_view out = y_.view();
  EXPECT_EQ(context_.run(nullptr, {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context_.message();
  EXPECT_EQ(y_.values<float>(), kSquares);
}

TEST_F(BadViews, DeviceBuffersAreAsGoodAsHostMemory) {
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = 64;
  rlx_alloc_out buffer = sized<rlx_alloc_out>();
  ASSERT_EQ(library().buffer->alloc(device_.get(), &in, &buffer, nullptr), RLX_STATUS_OK);
  memcpy(static_cast<char*>(buffer.host) + 8, x_.bytes.data(), 24);
  rlx_view view = x_.view();
  view.host = nullptr;
  view.buffer = buffer.buffer;
  view.offset = 8;
  const rlx_view out = y_.view();
  EXPECT_EQ(context_.run(nullptr, {&view, 1}, {&out, 1}), RLX_STATUS_OK) << context_.message();
  EXPECT_EQ(y_.values<float>(), kSquares);
  view.offset = 44;
  EXPECT_EQ(context_.run(nullptr, {&view, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(context_.message().find("\"left side\""), std::string::npos) << context_.message();
  library().buffer->free(buffer.buffer);
}

TEST(Execute, EmptyTensorsNeedNoMemory) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {0, 3});
  const auto w = m.input("w", DType::kF32, {3, 2});
  const auto y = m.output("y", DType::kF32, {0, 2});
  m.op(RLX_OP_LINEAR, {x, w}, {y}, {{RLX_ATTR_PARTS, rlx::Dim(1)}});
  Device device(2);
  const auto out = run_once(device, m.image(), {f32({0, 3}, {}), f32({3, 2}, std::vector<float>(6, 1))},
                            {empty_like(RLX_DTYPE_F32, {0, 2})});
  EXPECT_TRUE(out[0].bytes.empty());
}

TEST(Execute, SumsOverNothingAreZero) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {2, 0});
  const auto w = m.input("w", DType::kF32, {0, 2});
  const auto y = m.output("y", DType::kF32, {2, 2});
  m.op(RLX_OP_LINEAR, {x, w}, {y}, {{RLX_ATTR_PARTS, rlx::Dim(1)}});
  Device device;
  const auto out =
      run_once(device, m.image(), {f32({2, 0}, {}), f32({0, 2}, {})}, {empty_like(RLX_DTYPE_F32, {2, 2})});
  EXPECT_EQ(out[0].values<float>(), std::vector<float>(4, 0));
}

TEST(Execute, OutputsMayBeInputsConstantsViewsAndEachOther) {
  ImageMaker m;
  const float c[2] = {8, 9};
  const auto x = m.input("x", DType::kF32, {2, 3});
  const auto t = m.output("t", DType::kF32, {2, 3});
  m.op(RLX_OP_UNARY, {x}, {t}, {{RLX_ATTR_FN, rlx::Dim(RLX_UNARY_NEG)}});
  m.output_of("same", t);
  m.output_of("input", x);
  m.output_of("constant", m.constant(DType::kF32, {2}, c, sizeof c));
  m.output_of("column", m.view(x, {2}, {3}, 4));
  m.output_of("reversed", m.view(x, {3}, {-1}, 8));
  Device device;
  const auto out = run_once(device, m.image(), {f32({2, 3}, kValues)},
                            {empty_like(RLX_DTYPE_F32, {2, 3}), empty_like(RLX_DTYPE_F32, {2, 3}),
                             empty_like(RLX_DTYPE_F32, {2, 3}), empty_like(RLX_DTYPE_F32, {2}),
                             empty_like(RLX_DTYPE_F32, {2}), empty_like(RLX_DTYPE_F32, {3})});
  EXPECT_EQ(out[0].values<float>(), (std::vector<float>{-1, 2, -3, 4, -5, 6}));
  EXPECT_EQ(out[1].bytes, out[0].bytes);
  EXPECT_EQ(out[2].values<float>(), kValues);
  EXPECT_EQ(out[3].values<float>(), (std::vector<float>{8, 9}));
  EXPECT_EQ(out[4].values<float>(), (std::vector<float>{-2, 5}));
  EXPECT_EQ(out[5].values<float>(), (std::vector<float>{3, -2, 1}));
}

TEST(Execute, BadIndexIsADataErrorAndTheNextRunIsRight) {
  ImageMaker m;
  const auto data = m.input("table", DType::kF32, {4, 2});
  const auto idx = m.input("ids", DType::kI64, {3});
  const auto y = m.output("rows", DType::kF32, {3, 2});
  const auto t = m.temp(DType::kF32, {4, 2});
  m.op(RLX_OP_COPY, {data}, {t});
  m.op(RLX_OP_GATHER, {t, idx}, {y}, {{RLX_ATTR_AXIS, rlx::Dim(0)}});
  for (const uint32_t threads : {0u, 2u}) {
    Device device(threads);
    Executable executable(device, m.image());
    Context context(executable);
    Tensor table = f32({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7}), rows = empty_like(RLX_DTYPE_F32, {3, 2});
    Tensor good = tensor<int64_t>(RLX_DTYPE_I64, {3}, {3, 0, 1}),
           bad = tensor<int64_t>(RLX_DTYPE_I64, {3}, {0, 9, -1});
    const auto run = [&](Tensor& ids) {
      const rlx_view in[2] = {table.view(), ids.view()}, out = rows.view();
      return context.run(nullptr, in, {&out, 1});
    };
    ASSERT_EQ(run(good), RLX_STATUS_OK);
    const auto first = rows.bytes;
    EXPECT_EQ(rows.values<float>(), (std::vector<float>{6, 7, 0, 1, 2, 3}));
    EXPECT_EQ(run(bad), RLX_STATUS_DATA_ERROR);
    EXPECT_EQ(context.error().op_index, 1u);
    EXPECT_NE(context.message().find("value 9"), std::string::npos) << context.message();
    EXPECT_NE(context.message().find("limit is 4"), std::string::npos) << context.message();
    ASSERT_EQ(run(good), RLX_STATUS_OK);
    EXPECT_EQ(rows.bytes, first);
  }
}

TEST(Execute, StopsWhenToldAndRunsAgain) {
  Device device;
  Executable executable(device, negate());
  Context context(executable);
  Tensor x = f32({2, 3}, kValues), y = empty_like(RLX_DTYPE_F32, {2, 3});
  const rlx_view in = x.view(), out = y.view();
  rlx_call call = sized<rlx_call>();
  call.poll = [](void*, int32_t) -> int32_t { return 1; };
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&out, 1}, &call), RLX_STATUS_CANCELLED);
  call.poll = nullptr;
  call.deadline_ns = 1;
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&out, 1}, &call), RLX_STATUS_DEADLINE);
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  call.deadline_ns = (uint64_t(now.tv_sec) + 60) * 1'000'000'000u;
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&out, 1}, &call), RLX_STATUS_OK);
  EXPECT_EQ(y.values<float>(), kSquares);
}

TEST(Execute, ContextsWantTheirArenas) {
  Device device;
  Executable executable(device, negate());
  rlx_context_create_in in = sized<rlx_context_create_in>();
  rlx_context_create_out out = sized<rlx_context_create_out>();
  EXPECT_EQ(library().execute->context_create(executable.get(), &in, &out, nullptr),
            RLX_STATUS_INVALID_ARGUMENT);
  Bytes memory(executable.info().arenas[0].bytes);
  rlx_arena arena = {memory.data() + 4, nullptr, 0, executable.info().arenas[0].bytes};
  in.arenas = &arena;
  in.arena_count = 1;
  in.arena_stride = sizeof arena;
  EXPECT_EQ(library().execute->context_create(executable.get(), &in, &out, nullptr),
            RLX_STATUS_INVALID_ARGUMENT);
  arena.host = memory.data();
  arena.bytes -= 1;
  EXPECT_EQ(library().execute->context_create(executable.get(), &in, &out, nullptr),
            RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(out.context, nullptr);
}

TEST(Execute, OldCallersSendShorterStructs) {
  Device device;
  Executable executable(device, negate());
  Context context(executable);
  Tensor x = f32({2, 3}, kValues), y = empty_like(RLX_DTYPE_F32, {2, 3});
  struct WideView {
    rlx_view view;
    uint64_t garbage;
  } in{x.view(), 0x1234567890abcdefu}, out{y.view(), 0xfedcba0987654321u};
  rlx_execute_in call = sized<rlx_execute_in>();
  call.inputs = &in.view;
  call.outputs = &out.view;
  call.input_count = call.output_count = 1;
  call.input_stride = call.output_stride = sizeof(WideView);
  EXPECT_EQ(library().execute->execute(context.get(), &call, nullptr, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(y.values<float>(), kSquares);
  call.struct_size = 12;
  EXPECT_EQ(library().execute->execute(context.get(), &call, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace rlx_test
