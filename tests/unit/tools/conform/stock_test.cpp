// SPDX-License-Identifier: Apache-2.0
// The images that checks ask for by name, and what becomes of composites that a device wants expanded.
#include "tools/conform/numeric/stock.h"

#include <gtest/gtest.h>
#include <rlx/compile.h>
#include <rlx/ops.h>

#include <cstring>
#include <set>

#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {
namespace {

Status verified(const std::string& bytes) {
  std::vector<std::uint64_t> words((bytes.size() + 7) / 8);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return lir::verify_image({reinterpret_cast<const std::byte*>(words.data()), bytes.size()});
}

std::string stock_image(const std::string& name) {
  const auto images = stock_images();
  if (images)
    for (const StockImage& image : *images)
      if (image.name == name) return image.bytes;
  return {};
}

TEST(StockImages, AreAcceptedByTheCoreOrHostile) {
  const auto images = stock_images();
  ASSERT_TRUE(images) << images.error().message();
  std::set<std::string> names;
  std::size_t hostile = 0;
  for (const StockImage& image : *images) {
    EXPECT_TRUE(names.insert(image.name).second) << image.name << " occurs twice";
    const bool bad = image.name.starts_with("hostile/");
    hostile += bad;
    EXPECT_EQ(static_cast<bool>(verified(image.bytes)), !bad) << image.name;
  }
  EXPECT_EQ(hostile, kHostileImages);
}

TEST(InlineExpanded, PutsTheRegionInPlaceWithTheSameResult) {
  const std::string image = stock_image("busy/sweep_linear_65");
  ASSERT_FALSE(image.empty());
  const std::vector<std::uint32_t> expand(8, RLX_VERDICT_EXPAND);
  const auto inlined = inline_expanded(image, expand, {});
  ASSERT_TRUE(inlined) << inlined.error().message();
  ASSERT_TRUE(inlined->changed);
  EXPECT_EQ(inlined->refused, "");
  EXPECT_NE(inlined->image, image);
  ASSERT_TRUE(verified(inlined->image)) << verified(inlined->image).error().message();
  Random random(1);
  const std::vector<std::string> inputs = {fill_whole(DType::kF32, 32 * 65, random), fill_whole(DType::kF32, 65 * 32, random)};
  const auto whole = expected_outputs(image, inputs, {}), parts = expected_outputs(inlined->image, inputs, {});
  ASSERT_TRUE(whole && parts);
  EXPECT_EQ((*whole)[0].v, (*parts)[0].v);
}

TEST(InlineExpanded, SaysWhatIsRefusedAndWhetherItIsClaimed) {
  const std::string image = stock_image("add_f32");
  const std::vector<std::uint32_t> no = {RLX_VERDICT_UNSUPPORTED};
  const auto unclaimed = inline_expanded(image, no, {});
  ASSERT_TRUE(unclaimed);
  EXPECT_NE(unclaimed->refused, "");
  EXPECT_FALSE(unclaimed->claimed);
  Facts facts;
  facts.claims.push_back({RLX_OP_BINARY, 1, 1, 8, ~std::uint64_t{0}, ~std::uint64_t{0}, 0, 1, 0});
  const auto claimed = inline_expanded(image, no, facts);
  ASSERT_TRUE(claimed);
  EXPECT_TRUE(claimed->claimed);
  EXPECT_FALSE(inline_expanded(image, {}, facts));
}

}  // namespace
}  // namespace rlx::conform
