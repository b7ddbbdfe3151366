// SPDX-License-Identifier: Apache-2.0
// The image "scene.far": a view of a few rows, the last of which lies past 2^31 elements of its root.
#pragma once

#include <cstdint>

namespace rlx::conform {

inline constexpr std::int64_t kFarRows = 3, kFarColumns = 8;
inline constexpr std::int64_t kFarStride = (std::int64_t{1} << 30) + 512;  ///< elements, of a byte each
inline constexpr std::int64_t kFarBytes = (kFarRows - 1) * kFarStride + kFarColumns;

}  // namespace rlx::conform
