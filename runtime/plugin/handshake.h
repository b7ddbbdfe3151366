// SPDX-License-Identifier: Apache-2.0
// The first talk with a loaded plugin: versions, the descriptor again, and the interface tables. What comes
// out is a Plugin whose required slots are all there.
#pragma once

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <memory>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/plugin/descriptor.h"
#include "runtime/plugin/library.h"

namespace rlx {

/// A plugin that may be called. Immutable; shared by every handle made from it, which keeps its library
/// loaded.
struct Plugin {
  PluginFile file;
  std::shared_ptr<const Library> library;
  std::uint32_t abi_minor = 0;    ///< the highest common minor
  std::uint32_t lir_version = 0;  ///< the highest common LIR version: what images are written in
  const rlx_plugin_1* plugin = nullptr;
  const rlx_device_1* device = nullptr;
  const rlx_buffer_1* buffer = nullptr;
  const rlx_params_1* params = nullptr;
  const rlx_compile_1* compile = nullptr;
  const rlx_execute_1* execute = nullptr;
  const void* (*get_interface)(rlx_str id) = nullptr;

  const std::string& id() const { return file.descriptor.id; }
  /// The table of an optional interface, or null. [any-thread]
  const void* interface(std::string_view id) const;
};

/// Asks the loaded library for its versions and tables and believes nothing of the answer.
/// Errors: kPluginVersion; kPluginFault: another descriptor than the file's, a version out of range, a
/// missing interface, a null slot (which is named), a status that is none, an exception.
Result<std::shared_ptr<const Plugin>> shake_hands(PluginFile file, std::shared_ptr<const Library> library,
                                                  const HostVersions& host = {});

}  // namespace rlx
