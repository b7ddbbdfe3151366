// SPDX-License-Identifier: Apache-2.0
// A compiled variant: the executable, the names and shapes of its tensors, and one context per lane that has run it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/execute/context_run.h"
#include "runtime/execute/executable.h"
#include "runtime/execute/lanes.h"
#include "runtime/execute/ports.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/traced_run.h"

namespace rlx {

/// Thread-safe.
class VariantBody final : public LaneTenant {
 public:
  using MakeExecutable = std::function<Result<std::shared_ptr<Executable>>(const DeviceBody&, const CompileRequest&)>;
  /// Makes the image's executable with `make`, or takes the one that `store` has for it. Errors: those of make, kCancelled,
  /// kDeadline.
  static Result<std::shared_ptr<VariantBody>> compile(std::shared_ptr<TemplateBody> from, const Specialized& specialized,
                                                      std::shared_ptr<LanePool> lanes, ExecutableStore& store,
                                                      const CallScope& scope, const MakeExecutable& make = Executable::compile);
  VariantBody() = default;
  ~VariantBody();
  VariantBody(const VariantBody&) = delete;
  VariantBody& operator=(const VariantBody&) = delete;

  /// On the states of `context`, which a model with states must have. From the second run of a lane on it allocates
  /// nothing and takes no lock. [any-thread], but one run at a time on a context.
  Status run(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options,
             ContextBody* context = nullptr);
  /// The same on views that bind() has made.
  Status run_bound(std::span<const rlx_view> inputs, std::span<const rlx_view> outputs, const CallOptions& options,
                   ContextBody* context = nullptr);
  /// Views in the order of the ports. Lifetime: dims are the variant's, memory is the caller's. Errors: as CompiledGraph::run.
  Status bind(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, std::vector<rlx_view>& in,
              std::vector<rlx_view>& out, bool has_context = false) const;

  /// Packs the weights and lends memory for one run, so that the next run does neither. Errors: those of run.
  Status make_ready(const CallScope& scope);
  /// Packs the current weights now rather than at the first run. Errors: kUnsetParam and the backend's.
  Status prepare(const rlx_call* call = nullptr);

  TemplateBody& from() const { return *template_; }
  const BindingManifest& manifest() const { return manifest_; }
  const Binding& binding() const { return binding_; }
  const DispatchReport& report() const { return report_; }
  const CompileTimes& times() const { return times_; }
  std::uint64_t arena_bytes() const { return executable_->arena_bytes(); }
  /// What it holds beside the executable.
  std::uint64_t own_bytes() const { return sizeof *this + image_.size(); }
  const std::shared_ptr<Executable>& executable() const { return executable_; }
  std::span<const std::byte> image() const { return image_; }
  const std::shared_ptr<LanePool>& lanes() const { return lanes_; }
  void vacate(const Lane& lane) override;

 private:
  /// What the run that holds a lane needs: a context, the slab on which it was made (which outlives it), the views of the
  /// run, and the set that the last run used. The set is only watched: whoever replaces it frees it.
  struct LaneContext {
    std::shared_ptr<const Slab> slab;
    ContextHandle context;
    std::vector<rlx_view> inputs, outputs;
    std::uint64_t store_id = 0, store_version = 0;
    std::weak_ptr<const SealedSet> set;
  };
  Error no_context() const;
  Status execute_on(ContextBody* context, TraceRecorder* trace, BackendRun run);
  Status execute_states(ContextBody* context, TraceRecorder* trace, BackendRun& run);
  LaneContext& slot(const Lane& lane);
  Status make_context(LaneContext& slot, Lane& lane);
  Result<std::shared_ptr<const SealedSet>> params(LaneContext& slot, const ParamSet& asked, const rlx_call* call);
  Result<std::shared_ptr<const SealedSet>> prepared_set(ParamStore& store, const rlx_call* call);
  Result<std::shared_ptr<const SealedSet>> ready(LaneContext& slot, Lane& lane, const ParamSet& asked, const rlx_call* call);

  std::shared_ptr<TemplateBody> template_;
  std::shared_ptr<LanePool> lanes_;
  std::shared_ptr<const void> keepalive_;
  std::span<const std::byte> image_;
  BindingManifest manifest_;
  std::optional<StateLayout> states_;  ///< of a model with states
  std::vector<Port> inputs_, outputs_;
  Binding binding_;
  DispatchReport report_;
  CompileTimes times_;
  std::shared_ptr<Executable> executable_;
  std::array<std::unique_ptr<LaneContext>, LanePool::kQuickLanes> by_lane_;  // each used by the run that holds the lane
  std::mutex mutex_;                                                         // guards the one below
  std::map<std::uint32_t, std::unique_ptr<LaneContext>> by_later_lane_;
};

}  // namespace rlx
