// SPDX-License-Identifier: Apache-2.0
// Valid images with random damage. Whatever is accepted must be an image in its own right: it reads, writes back to the
// same bytes, and its values stay inside what they live in. The damaged bytes lie in an exact allocation, so that a
// sanitizer sees a read past them.
#include <gtest/gtest.h>

#include <cstring>

#include "random_module.h"
#include "runtime/ir/lir/image.h"

namespace rlx::lir {
namespace {

using testing::random_module;

std::vector<Image> seeds(std::mt19937_64& rng) {
  std::vector<Image> images;
  for (std::uint32_t i = 0; i < 24; ++i) {
    Module module = random_module(rng, {.symbols = false, .ops = 1 + i});
    if (i % 2) module.plan = plan_module(module);
    images.push_back(*write_image(module));
  }
  return images;
}

void damage(std::mt19937_64& rng, MutableBytes bytes) {
  const std::uint64_t interesting[] = {0, 1, 0xFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, UINT64_MAX, 8, rng() % 64};
  for (std::uint64_t i = 1 + rng() % 3; i > 0; --i) {
    const std::size_t at = rng() % bytes.size();
    if (rng() % 2) {
      bytes[at] ^= static_cast<std::byte>(1u << rng() % 8);
    } else {
      const std::size_t width = std::min<std::size_t>(rng() % 2 ? 4 : 8, bytes.size() - at / 4 * 4);
      std::memcpy(bytes.data() + at / 4 * 4, &interesting[rng() % 8], width);
    }
  }
}

TEST(CorruptImages, NeverCrashAndWhatIsAcceptedIsSound) {
  std::mt19937_64 rng(21);
  const std::vector<Image> images = seeds(rng);
  int accepted = 0;
  for (int i = 0; i < 10000; ++i) {
    Image image = images[rng() % images.size()];
    damage(rng, image.bytes());
    const Bytes bytes = std::as_const(image).bytes();
    const Status verified = verify_image(bytes);
    const Result<Module> read = read_image(bytes);
    ASSERT_EQ(verified.has_value(), read.has_value());
    if (!verified) continue;
    ++accepted;
    const Result<Image> again = write_image(*read);
    ASSERT_TRUE(again);
    ASSERT_EQ(again->bytes().size(), bytes.size());
    ASSERT_EQ(std::memcmp(again->bytes().data(), bytes.data(), bytes.size()), 0);
  }
  EXPECT_LT(accepted, 1000);
}

TEST(CorruptImages, CutAnywhereAreRefused) {
  std::mt19937_64 rng(22);
  const Image image = seeds(rng)[7];
  for (std::size_t size = 0; size < image.bytes().size(); size += 1) {
    Image cut(size);
    if (size) std::memcpy(cut.bytes().data(), image.bytes().data(), size);
    ASSERT_FALSE(verify_image(std::as_const(cut).bytes())) << size;
  }
}

/// Damage to the module instead of the bytes: hashes and order are right, only the meaning is broken.
TEST(CorruptImages, ModulesWithRandomIndicesNeverCrashAndKeepTheRules) {
  std::mt19937_64 rng(23);
  int accepted = 0;
  for (int i = 0; i < 10000; ++i) {
    Module module = random_module(rng, {.symbols = false, .ops = 1 + static_cast<std::uint32_t>(rng() % 8)});
    if (rng() % 2) module.plan = plan_module(module);
    const auto any = [&](auto& list) -> auto& { return list[rng() % list.size()]; };
    const auto index = static_cast<std::uint32_t>(rng() % 10 ? rng() % (module.values.size() + 1) : rng());
    Op& op = any(module.ops);
    switch (rng() % 9) {
      case 0: if (!op.operands.empty()) any(op.operands) = index; break;
      case 1: any(op.results) = index; break;
      case 2: any(module.values).index = index; break;
      case 3: any(module.values).byte_offset = static_cast<int>(rng() % 64); break;
      case 4: any(module.outputs).value = index; break;
      case 5: if (!op.regions.empty()) any(op.regions) = static_cast<std::uint32_t>(rng() % module.regions.size()); break;
      case 6: if (module.plan) any(module.plan->places).offset = rng() % 8 * 64; break;
      case 7: if (!any(module.values).dims.empty()) any(module.values).dims.assign(1, Dim(static_cast<int>(rng() % 9))); break;
      default: if (module.regions.size() > 1) any(module.regions).params.assign(1, index); break;
    }
    const Result<Image> image = write_image(module);
    if (!image) continue;
    const Result<Module> read = read_image(image->bytes());
    if (!read) continue;
    ++accepted;
    const Result<Image> again = write_image(*read);
    ASSERT_TRUE(again);
    ASSERT_EQ(std::memcmp(again->bytes().data(), image->bytes().data(), image->bytes().size()), 0);
  }
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 8000);
}

}  // namespace
}  // namespace rlx::lir
