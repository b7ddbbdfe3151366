// SPDX-License-Identifier: Apache-2.0
// The small images that checks of the worker ask for by name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {

inline constexpr std::size_t kHostileImages = 480;  // as checks/lir_hostile.cpp has it

struct StockImage {
  std::string name, bytes;
};

/// Made anew and verified at every start. Errors: an image that the verifier refuses, which is a fault of the tool.
Result<std::vector<StockImage>> stock_images();
/// Images that the core refuses, "hostile/0" and so on; checks of the badge `hardened` ask for them.
std::vector<StockImage> hostile_images(const std::vector<StockImage>& good);
/// Those with more work in them; checks ask for them as "busy/NAME", and those that run every image pass them over.
std::vector<std::pair<std::string, ImageBuilder>> busy_images();

}  // namespace rlx::conform
