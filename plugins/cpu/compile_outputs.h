// SPDX-License-Identifier: Apache-2.0
// How results reach the caller: written in place where that is safe, else copied at the end.
#pragma once

#include "compile_builder.h"

namespace rlx_cpu {

/// Before any op: results that would overwrite state which is still read get a temporary instead.
void redirect_unsafe_outputs(Builder& builder);
/// After the last op: copies what was not written in place.
void copy_outputs(Builder& builder);

}  // namespace rlx_cpu
