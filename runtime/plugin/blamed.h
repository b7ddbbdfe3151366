// SPDX-License-Identifier: Apache-2.0
// A run that also says which op of the image the backend blames when it fails.
#pragma once

#include "runtime/plugin/handles.h"

namespace rlx {

/// As ContextHandle::execute. After an error `blamed_op` (may be null) is the op that the plugin named, RLX_NO_INDEX for
/// none; it is not checked.
Status execute_blamed(const ContextHandle& context, const rlx_param_set* params, std::span<const rlx_view> inputs,
                      std::span<const rlx_view> outputs, const rlx_call* call, std::uint32_t* blamed_op);

}  // namespace rlx
