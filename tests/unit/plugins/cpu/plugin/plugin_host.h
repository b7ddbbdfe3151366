// SPDX-License-Identifier: Apache-2.0
// A small host: opens the plugin's file, lends it threads if asked to, and wraps its objects.
#pragma once

#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/host_services.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/ir/lir/image.h"

namespace rlx_test {

template <class Struct>
Struct sized() {
  Struct value;
  memset(&value, 0, sizeof value);
  value.struct_size = sizeof value;
  return value;
}

inline rlx_str str(const char* text) { return {text, strlen(text)}; }

/// The loaded library and its tables.
struct Library {
  Library();
  rlx_plugin_query_fn query = nullptr;
  const rlx_plugin_1* plugin = nullptr;
  const rlx_device_1* device = nullptr;
  const rlx_buffer_1* buffer = nullptr;
  const rlx_params_1* params = nullptr;
  const rlx_compile_1* compile = nullptr;
  const rlx_execute_1* execute = nullptr;
};
const Library& library();

rlx_query_in query_in();

/// Memory for elements at any byte shift from a 64-byte border.
class Bytes {
 public:
  explicit Bytes(size_t bytes, size_t shift = 0) : words_(bytes + 128), shift_(shift) {}
  char* data() {
    const auto address = reinterpret_cast<uintptr_t>(words_.data());
    return words_.data() + (64 - address % 64) % 64 + shift_;
  }

 private:
  std::vector<char> words_;
  size_t shift_;
};

/// One open device; `threads` > 0 lends a team of that size.
class Device {
 public:
  explicit Device(uint32_t threads = 0);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  rlx_device* get() const { return device_; }
  uint32_t forks() const { return forks_; }

 private:
  static const void* service(void* user, rlx_str id);
  rlx_host host_{};
  rlx_host_threads_1 table_{};
  uint32_t threads_;
  mutable uint32_t forks_ = 0;
  rlx_plugin* plugin_ = nullptr;
  rlx_device* device_ = nullptr;
};

/// A dense host tensor that a view can name.
struct Tensor {
  uint32_t dtype = RLX_DTYPE_F32;
  std::vector<int64_t> dims;
  std::vector<char> bytes;

  rlx_view view() {
    rlx_view view{};
    view.host = bytes.empty() ? nullptr : bytes.data();
    view.bytes = bytes.size();
    view.dtype = dtype;
    view.rank = static_cast<uint32_t>(dims.size());
    view.dims = dims.data();
    return view;
  }
  template <class T>
  std::vector<T> values() const {
    std::vector<T> result(bytes.size() / sizeof(T));
    if (!result.empty()) memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};
template <class T>
Tensor tensor(uint32_t dtype, std::vector<int64_t> dims, const std::vector<T>& values) {
  Tensor result{dtype, std::move(dims), std::vector<char>(values.size() * sizeof(T))};
  if (!values.empty()) memcpy(result.bytes.data(), values.data(), result.bytes.size());
  return result;
}
Tensor f32(std::vector<int64_t> dims, const std::vector<float>& values);
Tensor empty_like(uint32_t dtype, std::vector<int64_t> dims);

class Executable {
 public:
  Executable(const Device& device, const rlx::lir::Image& image, uint32_t thread_limit = 0);
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;
  rlx_executable* get() const { return executable_; }
  int32_t status() const { return status_; }
  const rlx_error& error() const { return error_; }
  rlx_executable_info_out info() const;

 private:
  rlx_executable* executable_ = nullptr;
  int32_t status_ = 0;
  rlx_error error_{};
};

class Context {
 public:
  explicit Context(const Executable& executable, uint32_t thread_limit = 0);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  rlx_context* get() const { return context_; }
  /// Fills every arena with a byte, as a host that lends the memory elsewhere does.
  void poison(unsigned char byte);
  int32_t run(const rlx_param_set* set, std::span<const rlx_view> inputs, std::span<const rlx_view> outputs,
              const rlx_call* call = nullptr);
  const rlx_error& error() const { return error_; }
  std::string message() const { return error_.message; }

 private:
  std::vector<std::unique_ptr<Bytes>> memory_;
  std::vector<rlx_arena> arenas_;
  rlx_context* context_ = nullptr;
  rlx_error error_{};
};

/// A sealed set of tensors; entry i is tensors[i].
class Set {
 public:
  Set(const Device& device, std::vector<Tensor> tensors, const rlx_param_set* base = nullptr);
  ~Set();
  Set(const Set&) = delete;
  Set& operator=(const Set&) = delete;
  rlx_param_set* get() const { return set_; }
  int32_t prepare(const Executable& executable);
  const rlx_error& error() const { return error_; }
  std::string message() const { return error_.message; }
  rlx_usage_out usage() const;

 private:
  std::vector<Tensor> tensors_;
  rlx_param_set* set_ = nullptr;
  rlx_error error_{};
};

/// Compiles, runs once without params, returns the outputs. Failures are test failures.
std::vector<Tensor> run_once(const Device& device, const rlx::lir::Image& image, std::vector<Tensor> inputs,
                             std::vector<Tensor> outputs);

}  // namespace rlx_test
