// SPDX-License-Identifier: Apache-2.0
// The plugin as a host sees it: the loaded library and its tables; an instance; device 0. Owners close in order.
#pragma once

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <memory>
#include <utility>
#include <string>

#include "tools/conform/worker/run.h"

namespace rlx::conform {

/// A struct of the contract, zeroed, with its size.
template <class Struct>
Struct sized() {
  Struct value;
  memset(static_cast<void*>(&value), 0, sizeof value);
  value.struct_size = sizeof value;
  return value;
}

/// An out-struct, or an error record, with room behind it: a plugin that writes past the end is found by the check of
/// that, and does not end all others.
template <class Struct>
struct Roomy : Struct {
  unsigned char slack[256];
};
template <class Struct>
Roomy<Struct> roomy() {
  Roomy<Struct> value;
  memset(static_cast<void*>(&value), 0, sizeof value);
  value.struct_size = sizeof(Struct);
  return value;
}

inline rlx_str text_of(const char* chars) { return {chars, strlen(chars)}; }

struct Tables {
  const rlx_plugin_1* plugin = nullptr;
  const rlx_device_1* device = nullptr;
  const rlx_buffer_1* buffer = nullptr;
  const rlx_params_1* params = nullptr;
  const rlx_compile_1* compile = nullptr;
  const rlx_execute_1* execute = nullptr;
  const void* (*get)(rlx_str id) = nullptr;
  /// Table of any id, or null.
  const void* of(const std::string& id) const { return get ? get({id.data(), id.size()}) : nullptr; }
};

/// The handshake of a host of exactly the version of the headers.
rlx_query_in usual_query();

/// A loaded library whose handshake has succeeded. Stays loaded to the end of the process unless unload() is called.
class Library {
 public:
  /// Null, with the case failed, where it does not load or answer. `path`: the plugin of the run where empty.
  static std::unique_ptr<Library> load(Run& run, const std::string& path = {});
  rlx_plugin_query_fn query() const { return query_; }
  const rlx_query_out& answer() const { return answer_; }
  const Tables& tables() const { return tables_; }
  void* handle() const { return handle_; }
  /// dlclose; true where it answers 0.
  bool unload();

 private:
  void* handle_ = nullptr;
  rlx_plugin_query_fn query_ = nullptr;
  Roomy<rlx_query_out> answer_{};
  Tables tables_;
};

/// An instance and its device 0.
class Session {
 public:
  /// Null where there is none: the case is then skipped (no usable device, says the survey) or failed.
  static std::unique_ptr<Session> open(Run& run, const rlx_host* host = nullptr);
  static std::unique_ptr<Session> open(Run& run, std::shared_ptr<Library> library, const rlx_host* host);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Run& run() const { return run_; }
  Library& library() const { return *library_; }
  std::shared_ptr<Library> shared_library() const { return library_; }
  const Tables& tables() const { return library_->tables(); }
  rlx_plugin* instance() const { return instance_; }
  rlx_device* device() const { return device_; }
  /// Closes early; the destructor then does nothing.
  void close();

 private:
  explicit Session(Run& run) : run_(run) {}
  Run& run_;
  std::shared_ptr<Library> library_;
  rlx_plugin* instance_ = nullptr;
  rlx_device* device_ = nullptr;
};

}  // namespace rlx::conform
