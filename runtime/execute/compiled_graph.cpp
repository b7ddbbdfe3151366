// SPDX-License-Identifier: Apache-2.0
// CompiledGraph and BoundRun: the public face of a variant.
#include <rlx/host/pipeline.hpp>

#include "runtime/base/check.h"
#include "runtime/execute/bound_run.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/nothing.h"
#include "runtime/execute/variant.h"

namespace rlx {
namespace {

Error empty_graph() { return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline"); }

}  // namespace

Result<std::vector<NamedTensor>> make_outputs(const BindingManifest& manifest) {
  std::vector<NamedTensor> results;
  for (const ManifestEntry& entry : manifest.outputs) {
    std::vector<std::int64_t> dims;
    for (const Size& size : entry.dims) dims.push_back(size.number());
    results.push_back({entry.name, Tensor(entry.dtype, std::move(dims))});
    if (results.back().tensor.dtype() == DType::kNone)
      return fail(ErrorCode::kOutOfMemory, "output `", entry.name, "` needs ", entry.bytes, " bytes");
  }
  return results;
}

const BindingManifest& CompiledGraph::manifest() const { return body_ ? body_->manifest() : nothing<BindingManifest>(); }
const Binding& CompiledGraph::binding() const { return body_ ? body_->binding() : nothing<Binding>(); }
const DispatchReport& CompiledGraph::report() const { return body_ ? body_->report() : nothing<DispatchReport>(); }
const CompileTimes& CompiledGraph::times() const { return body_ ? body_->times() : nothing<CompileTimes>(); }
std::uint64_t CompiledGraph::arena_bytes() const { return body_ ? body_->arena_bytes() : 0; }
std::span<const std::byte> CompiledGraph::image() const { return body_ ? body_->image() : std::span<const std::byte>(); }

Status CompiledGraph::set_param(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive) {
  if (!body_) return empty_graph();
  return params().set(name, value, std::move(keepalive));
}
std::vector<std::string> CompiledGraph::unset_params() const { return params().unset(); }
ParamSet CompiledGraph::params() const { return body_ ? ParamSet(body_->from().params) : ParamSet(); }

Status CompiledGraph::run_into(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs,
                               const CallOptions& options) const {
  return entry([&]() -> Status {
    if (!body_) return empty_graph();
    return body_->run(inputs, outputs, options);
  });
}

Result<std::vector<NamedTensor>> CompiledGraph::run(std::span<const NamedView> inputs, const CallOptions& options) const {
  return entry([&]() -> Result<std::vector<NamedTensor>> {
    if (!body_) return empty_graph();
    RLX_ASSIGN(std::vector<NamedTensor> results, make_outputs(body_->manifest()));
    std::vector<NamedMutableView> views;
    for (NamedTensor& result : results) views.push_back({result.name, result.tensor.mutable_view()});
    RLX_TRY(body_->run(inputs, views, options));
    return results;
  });
}

Result<BoundRun> CompiledGraph::bind(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs) const {
  return entry([&]() -> Result<BoundRun> {
    if (!body_) return empty_graph();
    auto bound = std::make_unique<BoundRun::Body>();
    bound->variant = body_;
    RLX_TRY(body_->bind(inputs, outputs, bound->inputs, bound->outputs));
    return BoundRun(std::move(bound));
  });
}

BoundRun::BoundRun() = default;
BoundRun::BoundRun(std::unique_ptr<Body> body) : body_(std::move(body)) {}
BoundRun::BoundRun(BoundRun&&) noexcept = default;
BoundRun& BoundRun::operator=(BoundRun&&) noexcept = default;
BoundRun::~BoundRun() = default;

Status BoundRun::call(const CallOptions& options) const {
  return entry([&]() -> Status {
    if (!body_) return fail(ErrorCode::kInvalidArgument, "the bound run is empty: make one with CompiledGraph::bind");
    if (!body_->context) return body_->variant->run_bound(body_->inputs, body_->outputs, options);
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_->context));
    return body_->variant->run_bound(body_->inputs, body_->outputs, options, body_->context.get());
  });
}

}  // namespace rlx
