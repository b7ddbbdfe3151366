// SPDX-License-Identifier: Apache-2.0
// Memory of its own outside of the heap. Large blocks that come and go with shapes would leave holes between what lives
// long, and the heap would grow by them for as long as new shapes come.
#pragma once

#include <cstddef>

namespace rlx {

/// Zero-filled, and touched where pages suffice for `alignment`, a power of two. Null where there is no memory. In builds with AddressSanitizer
/// it is of the heap, so that what lies around it is watched.
[[nodiscard]] void* take_pages(std::size_t bytes, std::size_t alignment) noexcept;
/// Without the touching, for what may never be used whole.
[[nodiscard]] void* reserve_pages(std::size_t bytes, std::size_t alignment) noexcept;
/// `memory`: of one of the two, with the same `bytes`, or null.
void give_pages(void* memory, std::size_t bytes) noexcept;

}  // namespace rlx
