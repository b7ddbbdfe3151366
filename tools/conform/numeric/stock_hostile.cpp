// SPDX-License-Identifier: Apache-2.0
// Images with one number changed, each of which the core's verifier refuses: what would never cross to a plugin.
#include <rlx/lir.h>

#include <cstring>

#include "tools/conform/numeric/stock.h"
#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

bool core_refuses(const std::string& bytes) {
  std::vector<std::uint64_t> words((bytes.size() + 7) / 8);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return !lir::verify_image({reinterpret_cast<const std::byte*>(words.data()), bytes.size()});
}

/// One 32-bit number behind the header is another: next to it, a bit off, or an extreme.
std::string damaged(std::string bytes, Random& random) {
  const std::uint64_t words = (bytes.size() - sizeof(rlx_lir_header)) / 4;
  const std::uint64_t at = sizeof(rlx_lir_header) + 4 * random.below(words);
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  switch (random.below(6)) {
    case 0: ++number; break;
    case 1: --number; break;
    case 2: number ^= std::uint32_t{1} << random.below(32); break;
    case 3: number = 0; break;
    case 4: number = 0x7fffffffu; break;
    default: number = static_cast<std::uint32_t>(random.below(64)); break;
  }
  std::memcpy(bytes.data() + at, &number, sizeof number);
  return bytes;
}

}  // namespace

std::vector<StockImage> hostile_images(const std::vector<StockImage>& good) {
  std::vector<const StockImage*> bases;
  for (const char* name : {"two_steps_f32", "gather_f32", "param_f32", "elementwise_f32", "busy/mix_dot", "busy/mix_adds"})
    for (const StockImage& image : good)
      if (image.name == name) bases.push_back(&image);
  std::vector<StockImage> out;
  Random random(20);
  while (!bases.empty() && out.size() < kHostileImages) {
    std::string bytes = damaged(bases[out.size() % bases.size()]->bytes, random);
    if (core_refuses(bytes)) out.push_back({"hostile/" + std::to_string(out.size()), std::move(bytes)});
  }
  return out;
}

}  // namespace rlx::conform
