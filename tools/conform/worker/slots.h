// SPDX-License-Identifier: Apache-2.0
// Every fallible slot of the contract with a good call: what the ABI and ARG checks change one thing in. A slot of the
// registry without a row here fails a unit test.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/conform/shared/registry_table.h"
#include "tools/conform/worker/model.h"

namespace rlx::conform {

/// Everything that slots are called on, alive at once.
class Bench {
 public:
  /// Null, and the case ended, where the plugin has no device or no small image is NATIVE.
  static std::unique_ptr<Bench> open(Run& run, const rlx_host* host = nullptr);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Run& run() const { return session->run(); }
  const Tables& tables() const { return session->tables(); }

  bool null_object = false;  ///< calls get null for the object that they are made on
  template <class Object>
  Object* object(Object* usual) const {
    return null_object ? nullptr : usual;
  }

  std::unique_ptr<Session> session;
  std::unique_ptr<Model> model;   ///< compiled, prepared, with a context
  rlx_buffer* buffer = nullptr;   ///< 64 bytes
  rlx_buffer* other = nullptr;    ///< 64 bytes
  rlx_param_set* set = nullptr;   ///< of the call at hand; made by ready, destroyed by done
  std::vector<rlx_verdict> verdicts;
  std::vector<rlx_arena> arenas;
  Guarded host{64, 64};
  std::int64_t dims[2] = {3, 5};  ///< of the param of param_f32
  float values[15] = {1, 2, 3, 4};
  int drops = 0;  ///< calls of the drop function that put and import are given
  std::string artifact;
  unsigned char compat[256] = {};
  std::uint32_t compat_size = 0;

 private:
  Bench() = default;
  bool make(Run& run, const rlx_host* host);
};

struct SlotDriver {
  const char* slot;  ///< "rlx.buffer/1.alloc"
  /// Makes what a good call needs and fills the in-struct (null where the slot has none). False: cannot be called here.
  bool (*ready)(Bench& bench, void* in);
  std::int32_t (*call)(Bench& bench, const void* in, void* out, rlx_error* error);
  /// Undoes ready, and the call where it answered OK (`out` is then its out-struct, else null).
  void (*done)(Bench& bench, const void* out);
  bool changes;  ///< the out-struct differs from call to call: memory in use
};

std::span<const SlotDriver> slot_drivers();
/// Null where there is none.
const SlotDriver* slot_driver(const std::string& slot);
/// Names of fallible slots of the registry that have no driver.
std::vector<std::string> slots_without_driver();
/// The row of a name like "rlx.buffer/1.alloc".
const SlotRow* slot_row(const std::string& slot);
std::string slot_name(const SlotRow& row);

}  // namespace rlx::conform
