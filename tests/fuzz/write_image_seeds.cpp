// SPDX-License-Identifier: Apache-2.0
// Writes the seed corpus of image_fuzz into a folder: small valid images, with and without a plan.
#include <cstdio>
#include <fstream>

#include "tests/unit/runtime/ir/lir/random_module.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: write_image_seeds FOLDER\n");
    return 2;
  }
  std::mt19937_64 rng(1);
  for (std::uint32_t i = 0; i < 40; ++i) {
    rlx::lir::Module module = i ? rlx::lir::testing::random_module(rng, {.symbols = false, .ops = 1 + i % 6})
                                : rlx::lir::testing::small_module();
    if (i % 2) module.plan = rlx::lir::plan_module(module);
    const auto image = rlx::lir::write_image(module);
    if (!image) return 1;
    std::ofstream file(rlx::join(arguments[1], "/seed_", i, ".lir"), std::ios::binary);
    file.write(reinterpret_cast<const char*>(image->bytes().data()), static_cast<std::streamsize>(image->bytes().size()));
    if (!file) return 1;
  }
  return 0;
}
