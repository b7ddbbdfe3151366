// SPDX-License-Identifier: Apache-2.0
// rlx.compile/1 and the parts it is made of.
#pragma once

#include <rlx/compile.h>

#include <memory>

#include "compile_graph.h"

namespace rlx_cpu {

/// Image to executable. Errors: UNSUPPORTED with the op's index and reason, INVALID_IMAGE, CANCELLED,
/// DEADLINE.
int32_t make_executable(rlx_device* device, const rlx_compile_in& in, std::unique_ptr<rlx_executable>* made,
                        rlx_error* error);

int32_t device_claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error);
int32_t device_query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error);

extern const rlx_compile_1 kCompileTable;

}  // namespace rlx_cpu
