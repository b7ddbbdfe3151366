// SPDX-License-Identifier: Apache-2.0
// What the core asks about element types beyond their public names.
#pragma once

#include <rlx/host/types.hpp>

namespace rlx {

bool is_float(DType dtype);
bool is_signed_int(DType dtype);
bool is_unsigned_int(DType dtype);
inline bool is_int(DType dtype) { return is_signed_int(dtype) || is_unsigned_int(dtype); }

}  // namespace rlx
