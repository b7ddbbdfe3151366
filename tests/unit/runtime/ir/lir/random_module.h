// SPDX-License-Identifier: Apache-2.0
// Modules for tests: one small and fixed, and random ones that keep every rule for every binding of batch and seq >= 0.
#pragma once

#include <random>

#include "runtime/ir/lir/image.h"

namespace rlx::lir::testing {

/// x f32[2, 3] + constant, its transpose, an output written in place. Two ops, no symbols.
Module small_module();

/// What random_module may use.
struct RandomOptions {
  bool symbols = true;
  std::uint32_t ops = 12;
};
Module random_module(std::mt19937_64& rng, const RandomOptions& options);

DimBinding binding_of(std::int64_t batch, std::int64_t seq);

}  // namespace rlx::lir::testing
