// SPDX-License-Identifier: Apache-2.0
// The slots of the example as a stranger calls them: growth of structs, wrong states, what is refused, and by which name.
#include "tests/unit/plugins/cpu/plugin/image_maker.h"
#include "tests/unit/plugins/cpu/plugin/plugin_host.h"

#include <rlx/ops.h>

namespace rlx_test {
namespace {

using rlx::Dim;

rlx::lir::Image sum_image(bool planned = true) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {2, 3}), w = m.param("w", DType::kF32, {2, 3}, 0);
  const auto t = m.temp(DType::kF32, {2, 3}), y = m.output("y", DType::kF32, {2, 3});
  m.op(RLX_OP_BINARY, {x, w}, {t}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  m.op(RLX_OP_UNARY, {t}, {y}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  return m.image(planned);
}

const std::vector<float> kX = {1, 2, 3, 4, 5, 6}, kW = {10, 20, 30, 40, 50, 60};
const std::vector<float> kY = {-11, -22, -33, -44, -55, -66};

TEST(PlainSlots, RunsWithAndWithoutAPlan) {
  const Device device;
  for (const bool planned : {true, false}) {
    const Executable executable(device, sum_image(planned));
    ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
    Set set(device, {f32({2, 3}, kW)});
    ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK) << set.message();
    Context context(executable);
    context.poison(0xFF);
    Tensor x = f32({2, 3}, kX), y = empty_like(RLX_DTYPE_F32, {2, 3});
    const rlx_view in = x.view(), out = y.view();
    ASSERT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context.message();
    EXPECT_EQ(y.values<float>(), kY);
  }
}

TEST(PlainSlots, UnknownTailsAreRefusedWithTheirOffset) {
  struct Grown {
    rlx_alloc_in known;
    unsigned char tail[64];
  };
  const Device device;
  for (size_t at = 0; at <= sizeof(Grown::tail); ++at) {
    Grown in{};
    in.known.struct_size = sizeof in;
    in.known.bytes = 10;
    if (at < sizeof in.tail) in.tail[at] = 1;
    auto out = sized<rlx_alloc_out>();
    auto error = sized<rlx_error>();
    const int32_t status = library().buffer->alloc(device.get(), &in.known, &out, &error);
    if (at == sizeof in.tail) {
      EXPECT_EQ(status, RLX_STATUS_OK) << error.message;
      library().buffer->free(out.buffer);
    } else {
      EXPECT_EQ(status, RLX_STATUS_UNKNOWN_FIELD);
      EXPECT_EQ(error.detail, sizeof(rlx_alloc_in) + at);
      EXPECT_EQ(out.buffer, nullptr);
    }
  }
}

TEST(PlainSlots, OutStructsAreNotOverrunAndTheirSizeIsStored) {
  const Device device;
  rlx_alloc_in in = sized<rlx_alloc_in>();
  auto small = sized<rlx_alloc_out>();
  small.struct_size = sizeof small - 8;
  EXPECT_EQ(library().buffer->alloc(device.get(), &in, &small, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  struct {
    rlx_alloc_out known;
    uint64_t tail;
  } large{};
  large.known.struct_size = sizeof large;
  large.tail = 77;
  ASSERT_EQ(library().buffer->alloc(device.get(), &in, &large.known, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(large.known.struct_size, sizeof(rlx_alloc_out));
  EXPECT_EQ(large.tail, 77u);
  library().buffer->free(large.known.buffer);
}

TEST(PlainSlots, WrongStatesAreFailedPreconditions) {
  const Device device;
  const Executable executable(device, sum_image());
  const Executable other(device, sum_image());
  Set set(device, {f32({2, 3}, kW)});
  Tensor x = f32({2, 3}, kX), y = f32({2, 3}, kW);
  const rlx_view in = x.view(), out = y.view();
  Context context(executable);
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_FAILED_PRECONDITION);
  ASSERT_EQ(set.prepare(other), RLX_STATUS_OK);
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_FAILED_PRECONDITION);
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  EXPECT_EQ(y.values<float>(), kW) << "a refused run wrote its output";
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK);
  library().params->release(set.get(), executable.get());
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_FAILED_PRECONDITION);
  auto put = sized<rlx_put_in>();
  int drops = 0;
  put.drop = [](void* user) { ++*static_cast<int*>(user); };
  put.drop_user = &drops;
  EXPECT_EQ(library().params->put(set.get(), &put, nullptr, nullptr), RLX_STATUS_FAILED_PRECONDITION);
  EXPECT_EQ(drops, 1);
}

TEST(PlainSlots, WrongViewsAreNamedBeforeAnythingIsWritten) {
  const Device device;
  const Executable executable(device, sum_image());
  Set set(device, {f32({2, 3}, kW)});
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  Context context(executable);
  Tensor x = f32({2, 3}, kX), y = f32({2, 3}, kW);
  const int64_t dims[] = {3, 2}, strides[] = {1, 2};
  const auto refused = [&](rlx_view in, rlx_view out, const char* name) {
    EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_INVALID_ARGUMENT) << name;
    EXPECT_NE(context.message().find(name), std::string::npos) << context.message();
    EXPECT_EQ(y.values<float>(), kW);
  };
  rlx_view view = x.view();
  view.dtype = RLX_DTYPE_I32;
  refused(view, y.view(), "dtype");
  (view = x.view()).dims = dims;
  refused(view, y.view(), "input 0, x");
  (view = x.view()).strides = strides;
  refused(view, y.view(), "strides");
  (view = y.view()).bytes -= 1;
  refused(x.view(), view, "output 0, y");
  (view = y.view()).host = nullptr;
  refused(x.view(), view, "address");
  (view = x.view()).host = y.bytes.data() + 4;
  view.bytes = 24;
  refused(view, y.view(), "overlaps input 0");
}

TEST(PlainSlots, ABaseMayGoBeforeItsHeirs) {
  const Device device;
  const Executable executable(device, sum_image());
  auto create = sized<rlx_params_create_in>();
  create.count = 1;
  auto base = sized<rlx_params_create_out>(), heir = base;
  ASSERT_EQ(library().params->create(device.get(), &create, &base, nullptr), RLX_STATUS_OK);
  auto put = sized<rlx_put_in>();
  const int64_t dims[] = {2, 3};
  int drops = 0;
  put.dtype = RLX_DTYPE_F32, put.rank = 2, put.dims = dims, put.host = kW.data(), put.bytes = 24;
  put.drop = [](void* user) { ++*static_cast<int*>(user); };
  put.drop_user = &drops;
  ASSERT_EQ(library().params->put(base.set, &put, nullptr, nullptr), RLX_STATUS_OK);
  create.base = base.set;
  EXPECT_EQ(library().params->create(device.get(), &create, &heir, nullptr), RLX_STATUS_FAILED_PRECONDITION);
  ASSERT_EQ(library().params->seal(base.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  ASSERT_EQ(library().params->create(device.get(), &create, &heir, nullptr), RLX_STATUS_OK);
  library().params->destroy(base.set);
  EXPECT_EQ(drops, 0);
  ASSERT_EQ(library().params->seal(heir.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  auto prepare = sized<rlx_prepare_in>();
  prepare.executable = executable.get();
  EXPECT_EQ(library().params->prepare(heir.set, &prepare, nullptr, nullptr), RLX_STATUS_OK);
  library().params->destroy(heir.set);
  EXPECT_EQ(drops, 1);
}

TEST(PlainSlots, MissingEntriesAreListed) {
  const Device device;
  const Executable executable(device, sum_image());
  auto create = sized<rlx_params_create_in>();
  create.count = 1;
  auto made = sized<rlx_params_create_out>();
  ASSERT_EQ(library().params->create(device.get(), &create, &made, nullptr), RLX_STATUS_OK);
  ASSERT_EQ(library().params->seal(made.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  uint32_t missing = 9;
  auto prepare = sized<rlx_prepare_in>();
  prepare.executable = executable.get(), prepare.missing = &missing, prepare.missing_capacity = 1;
  auto out = sized<rlx_prepare_out>();
  EXPECT_EQ(library().params->prepare(made.set, &prepare, &out, nullptr), RLX_STATUS_NOT_FOUND);
  EXPECT_EQ(out.missing_count, 1u);
  EXPECT_EQ(missing, 0u);
  library().params->destroy(made.set);
}

TEST(PlainSlots, AnAttributeOrVersionThatIsNotKnownRefusesTheOp) {
  const Device device;
  for (const bool attribute : {true, false}) {
    ImageMaker m;
    const auto x = m.input("x", DType::kF32, {2}), y = m.output("y", DType::kF32, {2});
    m.op(RLX_OP_UNARY, {x}, {y}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
    if (attribute) m.last_op().attributes[RLX_ATTR_VENDOR_FIRST + 7] = Dim(1);
    if (!attribute) m.last_op().version = 2;
    const Executable executable(device, m.image());
    EXPECT_EQ(executable.status(), RLX_STATUS_UNSUPPORTED);
    EXPECT_EQ(executable.error().op_index, 0u);
    EXPECT_NE(std::string(executable.error().message).find(attribute ? "attribute" : "version"), std::string::npos)
        << executable.error().message;
  }
}

TEST(PlainSlots, ACallThatIsStoppedLeavesEverythingUsable) {
  const Device device;
  const Executable executable(device, sum_image());
  Set set(device, {f32({2, 3}, kW)});
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  Context context(executable);
  Tensor x = f32({2, 3}, kX), y = empty_like(RLX_DTYPE_F32, {2, 3});
  const rlx_view in = x.view(), out = y.view();
  auto call = sized<rlx_call>();
  call.deadline_ns = 1;
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}, &call), RLX_STATUS_DEADLINE);
  call.deadline_ns = 0;
  call.poll = [](void*, int32_t) { return 1; };
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}, &call), RLX_STATUS_CANCELLED);
  EXPECT_EQ(context.run(set.get(), {&in, 1}, {&out, 1}), RLX_STATUS_OK);
  EXPECT_EQ(y.values<float>(), kY);
}

}  // namespace
}  // namespace rlx_test
