// SPDX-License-Identifier: Apache-2.0
// A run with the time of its pieces, from plugins that offer rlx.profile/1.
#pragma once

#include "runtime/plugin/handles.h"

namespace rlx {

/// A piece of work; see rlx/ext/profile.h. What the plugin says is not checked: times may be nonsense.
struct ProfileSlice {
  std::uint64_t begin_ns = 0, end_ns = 0;  ///< since the call began
  std::uint32_t op_index = 0;
  std::uint32_t thread = 0;
};

bool can_profile(const ContextHandle& context);

/// As ContextHandle::execute. Errors: those of execute; kUnsupportedOps where the plugin has no rlx.profile/1.
Result<std::vector<ProfileSlice>> execute_profiled(const ContextHandle& context, const rlx_param_set* params, std::span<const rlx_view> inputs,
                                                   std::span<const rlx_view> outputs, const rlx_call* call = nullptr,
                                                   std::uint32_t* blamed_op = nullptr);

}  // namespace rlx
