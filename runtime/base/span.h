// SPDX-License-Identifier: Apache-2.0
// Short names for borrowed memory. A span never owns; whoever hands one over says until when it lives.
#pragma once

#include <cstddef>
#include <span>

namespace rlx {
using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
}  // namespace rlx
