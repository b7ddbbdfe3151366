// SPDX-License-Identifier: Apache-2.0
// One move-only wrapper per ABI handle. A wrapper destroys its handle, and keeps alive what the handle was
// made from and the library whose code it runs, so that no order of destruction is wrong. Methods call one
// slot each; errors carry the plugin's id, the call and the plugin's own words (see call.h for the codes).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/hash.h"
#include "runtime/base/own_thread.h"
#include "runtime/base/result.h"
#include "runtime/base/span.h"
#include "runtime/plugin/handshake.h"
#include "runtime/plugin/host_services.h"

namespace rlx {

using PluginOptions = std::vector<std::pair<std::string, std::string>>;

/// A device as its plugin describes it.
struct DeviceInfo {
  std::uint32_t flags = 0;  ///< RLX_DEVICE_FLAG_*
  std::string kind;
  std::string name;           ///< for a person
  std::string persistent_id;  ///< names the same device in every process
  std::uint64_t memory_bytes = 0;
  std::uint64_t max_alloc_bytes = 0;
  std::uint32_t min_alignment = 1;
  std::uint32_t max_parallel_compiles = 0;  ///< 0 = any number
  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
};

struct DeviceCount {
  std::uint32_t count = 0;
  std::string reason;  ///< where count is 0: the one missing thing
};

struct OptionInfo {
  std::string key, type, value, allowed;
  bool affects_code = false;
  std::uint32_t scope = 0;  ///< 0 plugin, 1 device, 2 compile
};

struct MemoryStats {
  std::uint64_t total_bytes = 0, free_bytes = 0, used_bytes = 0;
};

struct Fingerprint {
  std::string text;
  Hash128 hash;
};

/// One row of what a device claims to run; necessary, not sufficient.
struct Claim {
  std::uint32_t opcode = 0, version_min = 0, version_max = 0, max_rank = 0;
  std::uint64_t dtypes = 0, functions = 0, operand_layouts = 0;
  std::uint32_t precisions = 0, flags = 0;
};

/// The answer for one op of an image.
struct OpVerdict {
  std::uint32_t verdict = RLX_VERDICT_UNSUPPORTED;
  std::uint32_t operand_index = RLX_NO_INDEX;
  std::uint32_t attribute_key = 0;
  std::uint32_t group = 0;
  std::uint64_t est_ns = 0, est_bytes = 0;
  std::string reason;
};

struct SupportAnswer {
  std::vector<OpVerdict> verdicts;  ///< one per op of the image
  bool depends_on_dims = false;     ///< holds for this graph hash only
};

struct ArenaNeed {
  std::uint64_t bytes = 0;
  std::uint32_t alignment = 1;
  std::uint32_t space = RLX_SPACE_DEVICE;
};

struct ExecutableInfo {
  bool own_plan = false;  ///< the plugin plans for itself
  std::vector<ArenaNeed> arenas;
  std::uint64_t code_bytes = 0;
  Hash128 pack_key;  ///< executables of equal key share every pack; zero = says nothing
};

struct ParamUsage {
  std::uint32_t pack_count = 0;
  std::uint64_t source_bytes = 0, packed_bytes = 0, shared_bytes = 0;
};

/// A packed form of weights as a plugin knows it (rlx/ext/draft/packs.h).
struct PackInfo {
  Hash128 key;  ///< zero: not to be kept
  Bytes bytes;
  std::uint32_t alignment = 1;
};

/// Compiled code as bytes, and what the plugin is asked about it (rlx/ext/artifact.h).
struct ArtifactBytes {
  std::vector<std::byte> compat, code;
};
struct ImportedCode;

/// One entry of a param set. Exactly one of host and buffer. drop is called exactly once, see rlx/params.h.
struct ParamEntry {
  std::uint32_t index = 0;
  std::uint32_t dtype = 0;
  std::span<const std::int64_t> dims;
  const void* host = nullptr;
  const class BufferHandle* buffer = nullptr;
  std::uint64_t buffer_offset = 0;
  std::uint64_t bytes = 0;
  Hash128 hash;
  void (*drop)(void* user) = nullptr;
  void* drop_user = nullptr;
};

namespace detail {
/// The owner of one ABI handle: calls `destroy` when the last reference goes, then lets go of what it was
/// made from.
template <class T>
struct Owned {
  std::shared_ptr<const Plugin> plugin;
  std::shared_ptr<const void> parent;
  T* handle = nullptr;
  void (*destroy)(T*) = nullptr;
  Owned(std::shared_ptr<const Plugin> from, std::shared_ptr<const void> made_from, T* made, void (*with)(T*))
      : plugin(std::move(from)), parent(std::move(made_from)), handle(made), destroy(with) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  /// In a child that was forked while another thread was inside, the plugin's locks may stay locked: nothing is destroyed,
  /// and the library stays.
  ~Owned() {
    const InsideRuntime inside;
    if (InsideRuntime::is_refused()) {
      static_cast<void>(new std::pair(std::move(plugin), std::move(parent)));
      return;
    }
    try {
      destroy(handle);
    } catch (...) {  // a breach of the contract that nobody is left to hear of
    }
  }
};

/// What the wrappers share: move-only, and a way to the handle.
template <class T>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&&) noexcept = default;
  Handle& operator=(Handle&&) noexcept = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  explicit operator bool() const { return owned_ != nullptr; }
  T* get() const { return owned_ ? owned_->handle : nullptr; }
  const Plugin& plugin() const { return *owned_->plugin; }

 protected:
  explicit Handle(std::shared_ptr<const Owned<T>> owned) : owned_(std::move(owned)) {}
  std::shared_ptr<const Owned<T>> owned_;
};
}  // namespace detail

class DeviceHandle;
class ExecutableHandle;

/// An opened plugin. [any-thread]
class PluginInstance : public detail::Handle<rlx_plugin> {
 public:
  /// host may be null: the plugin then gets no services. Errors: kPluginFault, or as call.h says.
  static Result<PluginInstance> open(std::shared_ptr<const Plugin> plugin,
                                     std::shared_ptr<const HostServices> host = nullptr,
                                     const PluginOptions& options = {});
  Result<DeviceCount> device_count() const;
  /// Errors: kPluginFault for a kind that the descriptor has not.
  Result<DeviceInfo> device_info(std::uint32_t ordinal) const;
  /// Empty where the plugin has no options.
  Result<std::vector<OptionInfo>> describe_options() const;
  Result<DeviceHandle> open_device(std::uint32_t ordinal, const PluginOptions& options = {}) const;

 private:
  using Handle::Handle;
};

/// Memory of a device. [per-object]
class BufferHandle : public detail::Handle<rlx_buffer> {
 public:
  void* host() const { return host_; }  ///< null where the bytes cannot be reached from the host
  std::uint64_t bytes() const { return bytes_; }
  Status write(std::uint64_t offset, Bytes source, const rlx_call* call = nullptr);
  Status read(std::uint64_t offset, MutableBytes target, const rlx_call* call = nullptr) const;
  /// Copies from a buffer of the same device.
  Status copy_from(const BufferHandle& source, std::uint64_t source_offset, std::uint64_t offset,
                   std::uint64_t bytes, const rlx_call* call = nullptr);

 private:
  friend class DeviceHandle;
  using Handle::Handle;
  void* host_ = nullptr;
  std::uint64_t bytes_ = 0;
};

/// The weights of one model on one device. Shared through shared_ptr<ParamSetHandle> where several hold it.
class ParamSetHandle : public detail::Handle<rlx_param_set> {
 public:
  Status put(const ParamEntry& source);  ///< before seal only [per-object]
  Status seal();                         ///< [per-object]
  /// Packs what the executable needs. Returns the indices that it needs and the set has not; then nothing is
  /// prepared. [any-thread]
  Result<std::vector<std::uint32_t>> prepare(const ExecutableHandle& executable,
                                             const rlx_call* call = nullptr) const;
  void release(const ExecutableHandle& executable) const;  ///< undoes prepare [any-thread]
  Result<ParamUsage> usage() const;                        ///< [any-thread]
  /// Packs of an executable for which the set is prepared; none where the plugin does not tell.
  /// Lifetime: of the bytes until release. [any-thread]
  Result<std::vector<PackInfo>> packs(const ExecutableHandle& executable) const;
  /// Before seal only; does nothing where the plugin takes none. `keepalive` holds the bytes. [per-object]
  Status offer_packs(std::span<const PackInfo> packs, std::shared_ptr<const void> keepalive);
  std::uint32_t count() const { return count_; }

 private:
  friend class DeviceHandle;
  using Handle::Handle;
  std::uint32_t count_ = 0;
};

/// What one running call needs. [per-object]
class ContextHandle : public detail::Handle<rlx_context> {
 public:
  /// The hot path: adds no allocation. Sizes and strides of `in` are filled here.
  Status execute(const rlx_param_set* params, std::span<const rlx_view> inputs,
                 std::span<const rlx_view> outputs, const rlx_call* call = nullptr) const;

 private:
  friend class ExecutableHandle;
  using Handle::Handle;
};

/// Compiled code; immutable. [any-thread]
class ExecutableHandle : public detail::Handle<rlx_executable> {
 public:
  Result<ExecutableInfo> info() const;
  /// arenas: one per arena of info(), in its order. thread_limit: 0 free, 1 the caller's thread alone.
  Result<ContextHandle> create_context(std::span<const rlx_arena> arenas,
                                       std::uint32_t thread_limit = 0) const;

 private:
  friend class DeviceHandle;
  using Handle::Handle;
};

struct CompileRequest {
  Bytes image;  ///< 8-byte aligned
  PluginOptions options;
  std::uint32_t thread_limit = 0;
  const rlx_param_set* params = nullptr;  ///< sealed; only where WEIGHTS_AT_COMPILE
  std::span<const std::uint32_t> cpu_set;
  const rlx_call* call = nullptr;
};

/// An open device. [any-thread]
class DeviceHandle : public detail::Handle<rlx_device> {
 public:
  const DeviceInfo& info() const { return info_; }
  std::uint32_t ordinal() const { return ordinal_; }
  /// Nothing where the plugin does not say.
  Result<std::optional<MemoryStats>> memory_stats() const;
  Result<Fingerprint> fingerprint() const;
  Result<BufferHandle> alloc(std::uint64_t bytes, std::uint32_t alignment = 0,
                             std::uint32_t space = RLX_SPACE_DEVICE) const;
  bool can_import_host() const { return plugin().buffer->import_host != nullptr; }
  /// Zero copy. Lifetime: the memory outlives the buffer. Errors: kUnsupportedOps where the plugin cannot.
  Result<BufferHandle> import_host(MutableBytes memory) const;
  /// base: sealed, or null; entries that are not replaced are shared with it.
  Result<ParamSetHandle> create_params(std::uint32_t count, const ParamSetHandle* base = nullptr) const;
  Result<std::vector<Claim>> claims() const;
  /// image: 8-byte aligned, of op_count ops. Errors: kPluginFault for a verdict that is none.
  Result<SupportAnswer> query_support(Bytes image, std::uint64_t op_count,
                                      const PluginOptions& options = {}) const;
  Result<ExecutableHandle> compile(const CompileRequest& request) const;
  bool has_artifacts() const;
  /// Nothing where the plugin has no artifacts, or nothing worth keeping.
  Result<std::optional<ArtifactBytes>> export_artifact(const ExecutableHandle& executable, const rlx_call* call = nullptr) const;
  /// Asks the plugin whether it can use the code, then hands it over. `code` is 64-byte aligned, `keepalive` holds it.
  /// Errors: kUnsupportedOps where the plugin has no artifacts; kBackendError for code that is stale or refused.
  Result<ImportedCode> import_artifact(const CompileRequest& request, Bytes compat, Bytes code,
                                       std::shared_ptr<const void> keepalive) const;

 private:
  friend class PluginInstance;
  using Handle::Handle;
  DeviceInfo info_;
  std::uint32_t ordinal_ = 0;
  rlx_plugin* instance_ = nullptr;  // kept alive by owned_
};

/// What import_artifact made.
struct ImportedCode {
  ExecutableHandle executable;
  std::string drawback;  ///< why compiling again would give better code; empty where it would not
};

}  // namespace rlx
