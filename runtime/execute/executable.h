// SPDX-License-Identifier: Apache-2.0
// Compiled images, shared: variants whose images are the same code hold one executable, whichever templates they came
// from. ExecutableStore finds it by the true key: image, options that affect code, plugin, device.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "runtime/execute/device_body.h"
#include "runtime/execute/param_store.h"
#include "runtime/ir/lir/image.h"

namespace rlx {

class Executable;

/// A sealed set for which an executable is prepared; released when its last user lets go.
class PreparedSet {
 public:
  PreparedSet(std::shared_ptr<const SealedSet> sealed, std::shared_ptr<Executable> prepared_for)
      : set(std::move(sealed)), executable(std::move(prepared_for)) {}
  ~PreparedSet();
  PreparedSet(const PreparedSet&) = delete;
  PreparedSet& operator=(const PreparedSet&) = delete;

  const std::shared_ptr<const SealedSet> set;
  const std::shared_ptr<Executable> executable;
};

/// Thread-safe.
class Executable : public std::enable_shared_from_this<Executable> {
 public:
  /// Errors: those of the backend.
  static Result<std::shared_ptr<Executable>> compile(const DeviceBody& device, const CompileRequest& request);
  Executable(ExecutableHandle handle, ExecutableInfo info);

  const ExecutableHandle& handle() const { return handle_; }
  const ExecutableInfo& info() const { return info_; }
  std::uint64_t arena_bytes() const { return arena_bytes_; }

  /// Packs what it needs of the set; one PreparedSet for all who ask while somebody holds it.
  /// Errors: kPluginFault for a param that a complete set lacks, and the backend's.
  Result<std::shared_ptr<const PreparedSet>> prepare(const std::shared_ptr<const SealedSet>& set);

 private:
  friend class PreparedSet;
  void forget(const PreparedSet& gone);

  struct Entry {
    const PreparedSet* made = nullptr;
    std::weak_ptr<const PreparedSet> user;
  };

  ExecutableHandle handle_;
  ExecutableInfo info_;
  std::uint64_t arena_bytes_ = 0;
  std::mutex mutex_;  // held while the plugin packs and releases
  std::map<const SealedSet*, Entry> prepared_;
};

/// What decides the code of an image on a device: plugin identity, device fingerprint, options that affect code. Text for
/// keys and for a person; the same in every process.
std::string code_identity(const DeviceBody& device, const PluginOptions& options, unsigned thread_limit);

/// The executables of one device that are alive. Thread-safe.
class ExecutableStore {
 public:
  using Make = std::function<Result<std::shared_ptr<Executable>>()>;
  /// One make() per image however many threads ask. Executables that plan for themselves are found by the graph hash,
  /// others by the content hash too. `identity`: of code_identity. Errors: those of make, which are not remembered.
  Result<std::shared_ptr<Executable>> get_or_make(std::string_view identity, const lir::ImageHashes& hashes, const Make& make);
  /// How often an image found its executable alive.
  std::uint64_t found_alive() const { return found_alive_.load(std::memory_order_relaxed); }

 private:
  using Key = std::pair<std::string, std::pair<std::uint64_t, std::uint64_t>>;
  static Key key(std::string_view identity, const Hash128& hash) { return {std::string(identity), {hash.low, hash.high}}; }
  std::shared_ptr<Executable> find(const Key& content, const Key& graph) const;
  void sweep();

  std::mutex mutex_;
  std::condition_variable made_;
  std::set<Key> in_making_;  // by graph
  std::map<Key, std::weak_ptr<Executable>> by_content_, by_graph_;
  std::size_t sweep_at_ = 16;
  std::atomic<std::uint64_t> found_alive_ = 0;
};

}  // namespace rlx
