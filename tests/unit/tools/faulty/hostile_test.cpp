// SPDX-License-Identifier: Apache-2.0
// Damaged images: C0 answers and compiles, or refuses, and touches nothing outside of them.
#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

/// A view, a composite with a region, a branch, a param, state and a plan.
rlx::lir::Image image_of_everything() {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {4, 6}), state = m.input("s", DType::kF32, {2, 3}), flag = m.input("f", DType::kBool, {});
  const auto w = m.param("w", DType::kF32, {6, 5}, 0);
  const auto part = m.view(x, {2, 6}, {12, -1}, 20), product = m.temp(DType::kF32, {2, 5}), y = m.output("y", DType::kF32, {2, 5});
  m.op(RLX_OP_LINEAR, {part, w}, {product}, {}, {});
  const auto p = m.inner(DType::kF32, {2, 5}), q = m.inner(DType::kF32, {2, 5});
  const uint32_t region = m.region({p});
  m.op(RLX_OP_UNARY, {p}, {q}, {{RLX_ATTR_FN, Dim(RLX_UNARY_TANH)}}, {}, region);
  m.results(region, {q});
  m.op(RLX_OP_ELEMENTWISE, {product}, {y}, {}, {region});
  const auto next = m.output("n", DType::kF32, {2, 3});
  const auto f = m.inner(DType::kBool, {}), a = m.inner(DType::kF32, {2, 3}), b = m.inner(DType::kF32, {2, 3});
  const uint32_t then = m.region({f, a}), other = m.region({f, a});
  m.op(RLX_OP_UNARY, {a}, {b}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}}, {}, then);
  m.results(then, {b});
  m.results(other, {a});
  m.op(RLX_OP_IF, {flag, state}, {next}, {}, {then, other});
  m.state(1, 1);
  return m.image();
}

int32_t query(const Device& device, const rlx::lir::Image& image) {
  std::vector<rlx_verdict> verdicts(64);
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.image = image.bytes().data();
  in.image_bytes = image.bytes().size();
  in.verdicts = verdicts.data();
  in.verdict_count = verdicts.size();
  in.verdict_stride = sizeof(rlx_verdict);
  rlx_query_support_out out = sized<rlx_query_support_out>();
  return library().compile->query_support(device.get(), &in, &out, nullptr);
}

/// 1 where the image was taken.
int feed(const Device& device, const rlx::lir::Image& image) {
  (void)query(device, image);
  const Executable executable(device, image);
  EXPECT_EQ(executable.get() != nullptr, executable.status() == RLX_STATUS_OK);
  return executable.status() == RLX_STATUS_OK;
}

TEST(Hostile, TheUndamagedImageCompiles) {
  const Device device;
  const Executable executable(device, image_of_everything());
  EXPECT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
}

TEST(Hostile, EveryDamagedByteIsTakenOrRefused) {
  const Device device;
  const rlx::lir::Image whole = image_of_everything();
  int refused = 0;
  for (std::size_t at = 0; at < whole.bytes().size(); ++at)
    for (const unsigned char flip : {0x01, 0x04, 0x80, 0xFF}) {
      rlx::lir::Image image = whole;
      image.bytes().data()[at] ^= std::byte{flip};
      refused += !feed(device, image);
    }
  EXPECT_GT(refused, 1000);
}

TEST(Hostile, CutImagesAreRefused) {
  const Device device;
  const rlx::lir::Image whole = image_of_everything();
  for (std::size_t size = 0; size < whole.bytes().size(); ++size) {
    rlx::lir::Image image(size);
    if (size) memcpy(image.bytes().data(), whole.bytes().data(), size);
    EXPECT_EQ(feed(device, image), 0) << size << " bytes";
  }
}

}  // namespace
}  // namespace rlx_test
