// SPDX-License-Identifier: Apache-2.0
// What an empty handle says of itself where its answer is a reference.
#pragma once

namespace rlx {

/// Lifetime: of the program. Never written to.
template <class T>
const T& nothing() {
  static const T value{};
  return value;
}

}  // namespace rlx
