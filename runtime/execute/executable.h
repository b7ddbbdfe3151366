// SPDX-License-Identifier: Apache-2.0
// Compiled images, shared: variants whose images are the same code hold one executable, whichever templates they came
// from. ExecutableStore finds it by the true key: image, options that affect code, plugin, device.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/own_condition.h"
#include "runtime/execute/call_scope.h"
#include "runtime/execute/device_body.h"
#include "runtime/execute/param_store.h"
#include "runtime/ir/lir/image.h"

namespace rlx {

/// Device code of an executable, and what its plugin wants to be asked about it. Lifetime: of whoever holds the bytes.
struct Artifact {
  Bytes compat, code;  ///< `code` is 64-byte aligned where it is to be imported
  bool empty() const { return code.empty(); }
};

/// Thread-safe.
class Executable {
 public:
  /// Errors: those of the backend.
  static Result<std::shared_ptr<Executable>> compile(const DeviceBody& device, const CompileRequest& request);
  /// From code that the plugin exported once. Errors: those of DeviceHandle::import_artifact.
  static Result<std::shared_ptr<Executable>> import(const DeviceBody& device, const CompileRequest& request, const Artifact& artifact,
                                                    std::shared_ptr<const void> keepalive);
  Executable(ExecutableHandle handle, ExecutableInfo info);
  /// Lets go of the packs that sets hold for it.
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  const ExecutableHandle& handle() const { return handle_; }
  const ExecutableInfo& info() const { return info_; }
  bool imported() const { return imported_; }
  std::uint64_t arena_bytes() const { return arena_bytes_; }

  /// Has the set hold what this executable needs packed, until one of the two goes. Idempotent. `call` may be null.
  /// Errors: kPluginFault for a param that a complete set lacks, kCancelled, kDeadline, and the backend's.
  /// `memory`, where there is one, must hold what was packed: else it is released again, kOutOfMemory; never what another
  /// caller was told is prepared.
  Status prepare(const std::shared_ptr<const SealedSet>& set, const rlx_call* call = nullptr, MemoryAccount* memory = nullptr);

 private:
  bool is_prepared(const std::shared_ptr<const SealedSet>& set);
  bool has(const std::shared_ptr<const SealedSet>& set);  // under the lock
  Status pack(const std::shared_ptr<const SealedSet>& set, const rlx_call* call) const;

  ExecutableHandle handle_;
  ExecutableInfo info_;
  std::uint64_t arena_bytes_ = 0;
  bool imported_ = false;
  std::mutex mutex_;
  std::vector<std::weak_ptr<const SealedSet>> prepared_;  // only watched: a set goes when its store replaces it
};

/// What decides the code of an image on a device: plugin identity, device fingerprint, options that affect code. Text for
/// keys and for a person; the same in every process.
std::string code_identity(const DeviceBody& device, const PluginOptions& options, unsigned thread_limit);

/// The executables of one device that are alive. Thread-safe.
class ExecutableStore {
 public:
  using Make = std::function<Result<std::shared_ptr<Executable>>()>;
  /// One make() per image however many threads ask. Executables that plan for themselves are found by the graph hash,
  /// others by the content hash too. `identity`: of code_identity. Errors: those of make, which are not remembered;
  /// kCancelled and kDeadline of `scope`.
  Result<std::shared_ptr<Executable>> get_or_make(std::string_view identity, const lir::ImageHashes& hashes, const CallScope& scope,
                                                  const Make& make);
  /// How often an image found its executable alive.
  std::uint64_t found_alive() const { return found_alive_.load(std::memory_order_relaxed); }

 private:
  using Key = std::pair<std::string, std::pair<std::uint64_t, std::uint64_t>>;
  static Key key(std::string_view identity, const Hash128& hash) { return {std::string(identity), {hash.low, hash.high}}; }
  std::shared_ptr<Executable> find(const Key& content, const Key& graph) const;
  void sweep();

  std::mutex mutex_;
  OwnCondition made_;
  std::set<Key> in_making_;  // by graph
  std::map<Key, std::weak_ptr<Executable>> by_content_, by_graph_;
  std::size_t sweep_at_ = 16;
  std::atomic<std::uint64_t> found_alive_ = 0;
};

}  // namespace rlx
