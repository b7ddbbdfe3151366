// SPDX-License-Identifier: Apache-2.0
// The front block of a dense tensor, into or out of a larger one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rlx {

/// Copies the elements whose place is inside both tensors, dense row-major of one rank; the rest of `to` stays.
/// `width`: bytes of an element.
void copy_front(const std::byte* from, std::span<const std::int64_t> from_dims, std::byte* to, std::span<const std::int64_t> to_dims,
                std::size_t width);

}  // namespace rlx
