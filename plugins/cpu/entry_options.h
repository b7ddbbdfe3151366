// SPDX-License-Identifier: Apache-2.0
// The options of the plugin: one, of compile scope.
#pragma once

#include <rlx/plugin.h>

namespace rlx_cpu {

constexpr uint32_t kScopePlugin = 0, kScopeDevice = 1, kScopeCompile = 2;

/// Refuses options that `scope` does not have and values that do not parse. Errors: INVALID_ARGUMENT naming
/// the key.
int32_t check_options(const void* options, uint32_t count, uint32_t stride, uint32_t scope, const char* what,
                      rlx_error* error);

/// rlx.plugin/1 describe_options.
int32_t describe_options(rlx_plugin* plugin, const void* in, rlx_describe_options_out* out, rlx_error* error);

}  // namespace rlx_cpu
