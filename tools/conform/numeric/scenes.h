// SPDX-License-Identifier: Apache-2.0
// The images of shared/scenes.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {

/// One per scene, in their order.
std::vector<std::pair<std::string, ImageBuilder>> scene_builders();

/// An image per row scene and count of rows, "row_linear.rows5"; and "state", a sum that is kept (input and output `kept`, and
/// an input and an output beside them).
std::vector<std::pair<std::string, ImageBuilder>> other_scene_builders();

/// The same module under other valid plans: loose (no value shares bytes), backwards (from the end of the arena), packed at
/// the alignment of elements, an arena per value, none.
std::vector<std::pair<std::string, lir::Module>> planned_variants(const ImageBuilder& builder);

}  // namespace rlx::conform
