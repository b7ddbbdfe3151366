// SPDX-License-Identifier: Apache-2.0
// The small images that checks of the worker ask for by name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {

struct StockImage {
  std::string name, bytes;
};

/// Made anew and verified at every start. Errors: an image that the verifier refuses, which is a fault of the tool.
Result<std::vector<StockImage>> stock_images();
/// Those with more work in them; checks ask for them as "busy/NAME", and those that run every image pass them over.
std::vector<std::pair<std::string, ImageBuilder>> busy_images();

}  // namespace rlx::conform
