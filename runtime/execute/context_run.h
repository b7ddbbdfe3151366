// SPDX-License-Identifier: Apache-2.0
// The states of one context: their memory on the device, their length, and the tables that put them between the tensors
// that the caller gives.
#pragma once

#include <rlx/host/context.hpp>

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/execute/device_body.h"
#include "runtime/execute/memory.h"
#include "runtime/execute/template_body.h"

namespace rlx {

/// Where each tensor of an image comes from: the caller's list, a state, or the length of the states.
struct StateLayout {
  struct Source {
    enum class Kind : std::uint8_t { kGiven, kState, kLength } kind;
    std::uint32_t index;  ///< in the manifest's inputs, outputs or states
  };
  explicit StateLayout(const Graph& graph);
  std::vector<Source> inputs, outputs;
};

/// One state: dense memory of the device.
struct StateMemory {
  std::string name;
  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = 0;
  std::shared_ptr<void> host;  ///< on devices with host memory, else `buffer`
  BufferHandle buffer;
  bool has_room = false;       ///< one dim is the capacity: what lies below the length survives a failed run
  bool lost = false;           ///< undefined since a run, a reset or a write failed half-way
};

class ContextBody final : public MemoryHolder {
 public:
  /// An empty one; make() and fork() give it states.
  ContextBody(std::shared_ptr<const DeviceBody> device, Hash128 template_hash, std::string template_name);
  ~ContextBody();
  ContextBody(const ContextBody&) = delete;
  ContextBody& operator=(const ContextBody&) = delete;
  /// States as the manifest of a variant describes them, zero. Errors: kOutOfMemory and the backend's.
  static Result<std::shared_ptr<ContextBody>> make(const TemplateBody& from, const BindingManifest& manifest);

  /// The right to run on or change the states, or an error at once. [any-thread]
  class Use {
   public:
    static Result<Use> take(ContextBody& body);
    Use(Use&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
    Use& operator=(Use&&) = delete;
    ~Use();

   private:
    explicit Use(ContextBody& body) : body_(&body) {}
    ContextBody* body_;
  };

  /// The context is of this template. Errors: kWrongContext. [any-thread]
  Status belongs(const TemplateBody& from) const;
  /// The states are those that the variant wants. Errors: kWrongContext. [any-thread]
  Status fits(const TemplateBody& from, const BindingManifest& manifest) const;

  // What follows is for whoever holds a Use.
  /// The context fits the variant and has room for one run of it. Errors: kWrongContext, kStateFull, kStateLost.
  Status admit(const TemplateBody& from, const BindingManifest& manifest);
  /// Views of a run in the image's order. Lifetime: until the next call.
  std::span<const rlx_view> merge_inputs(const StateLayout& layout, std::span<const rlx_view> given) {
    return merge(layout.inputs, given, inputs_);
  }
  std::span<const rlx_view> merge_outputs(const StateLayout& layout, std::span<const rlx_view> given) {
    return merge(layout.outputs, given, outputs_);
  }
  /// The run ended: the length grows, or the states are lost where nothing says which part is whole.
  void finish(const BindingManifest& manifest, bool succeeded);
  Status reset();
  Status set_length(std::int64_t length, std::int64_t most);
  Result<std::shared_ptr<ContextBody>> fork() const;
  Result<Tensor> read(std::string_view name) const;
  Status write(std::string_view name, const TensorView& value);

  /// Sizes that the dims of the states fix. [any-thread]
  Result<Binding> sizes(const TemplateBody& from) const;
  std::uint64_t bytes() const;                                                        // [any-thread]
  std::int64_t length() const { return length_.load(std::memory_order_relaxed); }     // [any-thread]
  std::int64_t capacity() const { return capacity_; }                                 // [any-thread]
  bool has_length() const { return has_length_; }                                     // [any-thread]
  MemoryItem held() const override;                                                   // [any-thread]

 private:
  Status allocate_all();
  Result<std::size_t> find(std::string_view name) const;
  Status allocate(StateMemory& state) const;
  Status zero(StateMemory& state) const;
  std::span<const rlx_view> merge(const std::vector<StateLayout::Source>& sources, std::span<const rlx_view> given,
                                  std::vector<rlx_view>& views) const;
  void add_view(std::vector<rlx_view>& views, const StateMemory& state) const;

  const std::shared_ptr<const DeviceBody> device_;
  const Hash128 template_hash_;
  const std::string template_name_;
  std::atomic<std::uint64_t> counted_ = 0;  ///< what the account sees
  std::vector<StateMemory> states_;
  std::string length_name_;
  bool has_length_ = false;
  std::int64_t capacity_ = 0;
  std::atomic<std::int64_t> length_ = 0;
  std::int64_t length_argument_ = 0;  ///< what the running call reads
  std::atomic<bool> busy_ = false;
  std::vector<rlx_view> inputs_, outputs_;
};

}  // namespace rlx
