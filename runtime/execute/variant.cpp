// SPDX-License-Identifier: Apache-2.0
// Compiling an image and running it: names are resolved here, everything below is by position.
#include "runtime/execute/variant.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/call_scope.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/traced_run.h"

namespace rlx {
namespace {

using Clock = std::chrono::steady_clock;
double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

std::vector<Port> ports(const std::vector<ManifestEntry>& entries) {
  std::vector<Port> result;
  for (const ManifestEntry& entry : entries) {
    Port port{entry.name, static_cast<std::uint32_t>(entry.dtype), {}, entry.bytes};
    for (const Size& size : entry.dims) port.dims.push_back(size.number());
    result.push_back(std::move(port));
  }
  return result;
}

template <class Named>
const Named* find(std::span<const Named> tensors, std::string_view name) {
  for (const Named& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

/// Every name known, none twice.
template <class Named>
Status check_names(std::string_view what, std::span<const Named> given, const std::vector<ManifestEntry>& wanted) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto same = [&](const ManifestEntry& entry) { return entry.name == given[i].name; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) {
      std::vector<std::string> names;
      for (const ManifestEntry& entry : wanted) names.push_back(entry.name);
      return fail(ErrorCode::kUnknownName, "no ", what, " `", given[i].name, "`; ", did_you_mean(given[i].name, names));
    }
    if (find(given.first(i), given[i].name)) return fail(ErrorCode::kDuplicateName, what, " `", given[i].name, "` is given twice");
  }
  return {};
}

template <class View>
Status check_view(std::string_view what, const ManifestEntry& wanted, const View& seen) {
  if (seen.dtype != wanted.dtype)
    return fail(ErrorCode::kWrongDtype, what, " `", wanted.name, "` is ", dtype_name(seen.dtype), ", wanted ", dtype_name(wanted.dtype));
  bool same = seen.dims.size() == wanted.dims.size();
  for (std::size_t i = 0; same && i < seen.dims.size(); ++i) same = seen.dims[i] == wanted.dims[i].number();
  if (!same)
    return fail(ErrorCode::kWrongShape, what, " `", wanted.name, "` is ", dims_text(seen.dims), ", wanted ", dims_text(wanted.dims));
  if (!seen.data && wanted.bytes)
    return fail(ErrorCode::kWrongSize, what, " `", wanted.name, "`: its data is a null pointer, wanted ", wanted.bytes, " bytes");
  if (seen.bytes != wanted.bytes)
    return fail(ErrorCode::kWrongSize, what, " `", wanted.name, "` has ", seen.bytes, " bytes, wanted ", wanted.bytes);
  return {};
}

/// Says what is wrong with tensors that resolve() did not take.
template <class Named>
[[gnu::cold, gnu::noinline]] Error explain(std::string_view what, std::span<const Named> given, const std::vector<ManifestEntry>& wanted) {
  if (Status status = check_names(what, given, wanted); !status) return std::move(status).error();
  for (const ManifestEntry& entry : wanted) {
    const Named* tensor = find(given, entry.name);
    if (!tensor) return fail(ErrorCode::kMissingInput, what, " `", entry.name, "` is not given");
    if (Status status = check_view(what, entry, tensor->view); !status) return std::move(status).error();
  }
  return fail(ErrorCode::kInternal, what, "s were refused that are as wanted");
}

template <class View>
bool fits(const Port& port, const View& view) {
  return static_cast<std::uint32_t>(view.dtype) == port.dtype && view.bytes == port.bytes && (view.data || !port.bytes) &&
         view.dims.size() == port.dims.size() && std::equal(view.dims.begin(), view.dims.end(), port.dims.begin());
}

/// Fills one view per port; tensors in the ports' order are found at once. False where anything is not as wanted: as many
/// tensors as ports and each port found means that none is unknown and none is there twice.
template <class Named>
bool resolve(const std::vector<Port>& ports, std::span<const Named> given, rlx_view* views) {
  if (given.size() != ports.size()) return false;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    const Named* tensor = given[i].name == port.name ? &given[i] : find(given, port.name);
    if (!tensor || !fits(port, tensor->view)) return false;
    views[i].host = const_cast<void*>(static_cast<const void*>(tensor->view.data));
    views[i].bytes = port.bytes;
    views[i].dtype = port.dtype;
    views[i].rank = static_cast<std::uint32_t>(port.dims.size());
    views[i].dims = port.dims.data();
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<VariantBody>> VariantBody::compile(std::shared_ptr<TemplateBody> from, const Specialized& specialized,
                                                          std::shared_ptr<LanePool> lanes, ExecutableStore& store,
                                                          const CallScope& scope, const MakeExecutable& make) {
  const auto begin = Clock::now();
  auto variant = std::make_shared<VariantBody>();
  variant->template_ = std::move(from);
  variant->lanes_ = std::move(lanes);
  variant->keepalive_ = specialized.keepalive;
  variant->image_ = specialized.image;
  variant->manifest_ = specialized.manifest;
  if (!specialized.manifest.states.empty()) variant->states_.emplace(*variant->template_->graph);
  variant->inputs_ = ports(variant->manifest_.inputs);
  variant->outputs_ = ports(variant->manifest_.outputs);
  variant->binding_ = specialized.binding;
  variant->report_ = specialized.report;
  CompileRequest request;
  request.image = specialized.image;
  request.options = variant->template_->options.backend;
  request.thread_limit = variant->template_->options.thread_limit;
  request.call = scope.call();
  const DeviceBody& device = variant->lanes_->device();
  RLX_ASSIGN(const lir::ImageHashes hashes, lir::image_hashes(specialized.image));
  RLX_ASSIGN(variant->executable_, store.get_or_make(code_identity(device, request.options, request.thread_limit), hashes, scope,
                                                     [&] { return make(device, request); }));
  variant->times_.specialize_us = specialized.specialize_us;
  variant->times_.compile_us = microseconds_since(begin);
  return variant;
}

Status VariantBody::prepare(const rlx_call* call) {
  const auto begin = Clock::now();
  RLX_TRY(prepared_set(*template_->params, call));
  times_.prepare_us = microseconds_since(begin);
  return {};
}

Result<std::shared_ptr<const SealedSet>> VariantBody::prepared_set(ParamStore& store, const rlx_call* call) {
  RLX_ASSIGN(ParamStore::Acquired acquired, store.acquire());
  const TraceSpan span(lanes_->device().trace(), "prepare weights", "compile");
  RLX_TRY(executable_->prepare(acquired.set, call, lanes_->device().memory().get()));
  return std::move(acquired.set);
}

Result<std::shared_ptr<const SealedSet>> VariantBody::params(LaneContext& slot, const ParamSet& asked, const rlx_call* call) {
  ParamStore& store = asked ? *asked.store() : *template_->params;
  const std::uint64_t version = store.version();
  if (slot.store_id == store.id() && slot.store_version == version)
    if (std::shared_ptr<const SealedSet> set = slot.set.lock()) return set;
  if (store.family() != template_->params->family())
    return fail(ErrorCode::kInvalidArgument, "the param set is not of template `", template_->name, "`");
  RLX_ASSIGN(std::shared_ptr<const SealedSet> set, prepared_set(store, call));
  slot.store_id = store.id();
  slot.store_version = version;
  slot.set = set;
  return set;
}

VariantBody::LaneContext& VariantBody::slot(const Lane& lane) {
  const auto made = [this](std::unique_ptr<LaneContext>& slot) -> LaneContext& {
    if (slot) return *slot;
    slot = std::make_unique<LaneContext>();
    slot->inputs.resize(inputs_.size());
    slot->outputs.resize(outputs_.size());
    return *slot;
  };
  if (lane.id() < LanePool::kQuickLanes) return made(by_lane_[lane.id()]);
  const std::lock_guard lock(mutex_);
  return made(by_later_lane_[lane.id()]);
}

Status VariantBody::make_context(LaneContext& slot, Lane& lane) {
  slot.context = {};
  RLX_ASSIGN(const std::vector<rlx_arena> arenas, lane.lend(lanes_->device(), executable_->info().arenas));
  RLX_ASSIGN(slot.context, executable_->handle().create_context(arenas, template_->options.thread_limit));
  slot.slab = lane.slab();
  return {};
}

/// The weights of the run, and a context in the lane's slot.
Result<std::shared_ptr<const SealedSet>> VariantBody::ready(LaneContext& slot, Lane& lane, const ParamSet& asked, const rlx_call* call) {
  RLX_ASSIGN(std::shared_ptr<const SealedSet> set, params(slot, asked, call));
  if (!slot.context || slot.slab != lane.slab()) RLX_TRY(make_context(slot, lane));
  return set;
}

Status VariantBody::make_ready(const CallScope& scope) {
  const LanePool::Lease lease = lanes_->lease();
  RLX_TRY(ready(slot(lease.lane()), lease.lane(), {}, scope.call()));
  return {};
}

Error VariantBody::no_context() const {
  return fail(ErrorCode::kWrongContext, "template `", template_->name, "` has ", manifest_.states.size(),
              " states (the first is `", manifest_.states[0].name, "`): run it on a context made by create_context()");
}

Status VariantBody::run(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options,
                        ContextBody* context) {
  TraceRecorder* const trace = lanes_->device().trace();
  TraceSpan span(trace, "run", "run");
  span.note("template", template_->name);
  if (states_ && !context) return no_context();
  const LanePool::Lease lease = lanes_->lease();
  LaneContext& slot = this->slot(lease.lane());
  if (!resolve(inputs_, inputs, slot.inputs.data())) return explain("input", inputs, manifest_.inputs);
  if (!resolve(outputs_, outputs, slot.outputs.data())) return explain("output", outputs, manifest_.outputs);
  const CallScope scope(options);
  RLX_TRY(scope.check("run"));
  RLX_ASSIGN(const std::shared_ptr<const SealedSet> set, ready(slot, lease.lane(), options.params, scope.call()));
  const rlx_param_set* weights = set->handle.get();
  if (!states_) return execute(trace, {slot.context, weights, slot.inputs, slot.outputs, scope.call(), image_});
  RLX_TRY(context->admit(*template_, manifest_));
  Status status = execute(trace, {slot.context, weights, context->merge_inputs(*states_, slot.inputs),
                                  context->merge_outputs(*states_, slot.outputs), scope.call(), image_});
  context->finish(manifest_, status.has_value());
  return status;
}

Status VariantBody::run_bound(std::span<const rlx_view> inputs, std::span<const rlx_view> outputs, const CallOptions& options) {
  TraceRecorder* const trace = lanes_->device().trace();
  TraceSpan span(trace, "run", "run");
  span.note("template", template_->name);
  const CallScope scope(options);
  RLX_TRY(scope.check("run"));
  const LanePool::Lease lease = lanes_->lease();
  LaneContext& slot = this->slot(lease.lane());
  RLX_ASSIGN(const std::shared_ptr<const SealedSet> set, ready(slot, lease.lane(), options.params, scope.call()));
  return execute(trace, {slot.context, set->handle.get(), inputs, outputs, scope.call(), image_});
}

Status VariantBody::bind(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, std::vector<rlx_view>& in,
                         std::vector<rlx_view>& out) const {
  if (states_) return no_context();
  in.resize(inputs_.size());
  out.resize(outputs_.size());
  if (!resolve(inputs_, inputs, in.data())) return explain("input", inputs, manifest_.inputs);
  if (!resolve(outputs_, outputs, out.data())) return explain("output", outputs, manifest_.outputs);
  return {};
}

}  // namespace rlx
