// SPDX-License-Identifier: Apache-2.0
// The objects behind the handles, and the tables of the interfaces.
#pragma once

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "runtime/reference/interpreter.h"

struct rlx_plugin {};

struct rlx_device {
  rlx_plugin* plugin = nullptr;
};

struct rlx_buffer {
  rlx_device* device = nullptr;
  std::vector<uint64_t> own;  ///< empty where host memory was imported
  std::byte* bytes = nullptr;
  uint64_t size = 0;
};

namespace rlx_reference {

/// Which number an output receives, and how composites are answered.
struct Options {
  bool bound = false;
  bool region = false;
  bool worst = false;  ///< bounds of the worst case alone
};

/// Errors: INVALID_ARGUMENT naming the key.
int32_t read_options(Options& out, const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                     rlx_error* error);
/// Of slots that know no option.
int32_t no_options(const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                   rlx_error* error);

/// One entry of a param set; `drop` runs when the last set that shares it goes.
struct Source {
  uint32_t dtype = 0;
  std::vector<int64_t> dims;
  const std::byte* data = nullptr;
  uint64_t bytes = 0;
  void (*drop)(void*) = nullptr;
  void* drop_user = nullptr;
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (drop) drop(drop_user);
  }
};

extern const rlx_device_1 kDeviceTable;
extern const rlx_buffer_1 kBufferTable;
extern const rlx_params_1 kParamsTable;
extern const rlx_compile_1 kCompileTable;
extern const rlx_execute_1 kExecuteTable;

}  // namespace rlx_reference

struct rlx_executable {
  rlx_device* device = nullptr;
  rlx::reference::Program program;
  rlx_reference::Options options;
};

struct rlx_param_set {
  rlx_device* device = nullptr;
  std::vector<std::shared_ptr<rlx_reference::Source>> entries;
  std::vector<bool> put;  ///< into this very set
  bool sealed = false;
  std::mutex mutex;
  std::set<const rlx_executable*> prepared;  ///< under the mutex
};

struct rlx_context {
  rlx_executable* executable = nullptr;
};
