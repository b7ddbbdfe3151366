// SPDX-License-Identifier: Apache-2.0
// What prepare, release and usage do to a param set.
#pragma once

#include <rlx/params.h>

namespace rlx_cpu {

/// Resolves every param that the executable reads and makes its packs. Errors: as rlx.params/1 prepare.
int32_t prepare_set(rlx_param_set* set, const rlx_prepare_in& in, uint32_t* missing, rlx_error* error);
void release_set(rlx_param_set* set, const rlx_executable* executable);
rlx_usage_out usage_of(rlx_param_set* set);

}  // namespace rlx_cpu
