// SPDX-License-Identifier: Apache-2.0
// A compiled variant: the executable, the names and shapes of its tensors, and one context per lane that has run it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/execute/context_run.h"
#include "runtime/execute/executable.h"
#include "runtime/execute/lanes.h"
#include "runtime/execute/template_body.h"

namespace rlx {

/// Thread-safe.
class VariantBody {
 public:
  /// Compiles the image, or takes the executable that `store` has for it. Errors: those of the backend.
  static Result<std::shared_ptr<VariantBody>> compile(std::shared_ptr<TemplateBody> from, const Specialized& specialized,
                                                      std::shared_ptr<LanePool> lanes, ExecutableStore& store);
  /// On the states of `context`, which a model with states must have. [any-thread], but one run at a time on a context.
  Status run(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, ContextBody* context = nullptr);

  /// Packs the current weights now rather than at the first run. Errors: kUnsetParam and the backend's.
  Status prepare();

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

 private:
  /// A context, and the slab on which it was made, which outlives it.
  struct LaneContext {
    std::shared_ptr<const Slab> slab;
    ContextHandle context;
  };

  Result<std::shared_ptr<const PreparedSet>> prepared_set();
  Result<const ContextHandle*> context(Lane& lane);

  std::shared_ptr<TemplateBody> template_;
  std::shared_ptr<LanePool> lanes_;
  std::shared_ptr<const void> keepalive_;
  std::span<const std::byte> image_;
  BindingManifest manifest_;
  std::optional<StateLayout> states_;  ///< of a model with states
  Binding binding_;
  DispatchReport report_;
  CompileTimes times_;
  std::shared_ptr<Executable> executable_;
  std::mutex mutex_;                                     // guards the two below
  std::shared_ptr<const PreparedSet> prepared_;          // for the newest set that a run asked for
  std::vector<std::unique_ptr<LaneContext>> by_lane_;    // used by the run that holds the lane
};

}  // namespace rlx
