// SPDX-License-Identifier: Apache-2.0
// Compiling an image and running it: names are resolved here, everything below is by position.
#include "runtime/execute/variant.h"

#include <chrono>

#include "runtime/base/check.h"
#include "runtime/execute/call_scope.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/op_text.h"
#include "runtime/execute/ports.h"
#include "runtime/execute/traced_run.h"

namespace rlx {
namespace {

using Clock = std::chrono::steady_clock;
double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
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
  variant->lanes_->enter(*variant);
  return variant;
}

VariantBody::~VariantBody() {
  if (lanes_) leave([&] { lanes_->leave(*this); });
}

void VariantBody::vacate(const Lane& lane) {
  const bool quick = lane.id() < LanePool::kQuickLanes;
  std::unique_lock<std::mutex> lock;
  if (!quick) lock = std::unique_lock(mutex_);
  const auto later = quick ? by_later_lane_.end() : by_later_lane_.find(lane.id());
  LaneContext* const slot = quick ? by_lane_[lane.id()].get() : later == by_later_lane_.end() ? nullptr : later->second.get();
  if (!slot) return;
  slot->context = {};
  slot->slab = nullptr;
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
  RLX_ASSIGN(const std::vector<rlx_arena> arenas, lanes_->lend(lane, executable_->info().arenas));
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
              " states (the first is `", manifest_.states[0].name, "`): run it on a context made by create_context(), or bind it there with ExecutionContext::bind_run()");
}

Status VariantBody::run(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options,
                        ContextBody* context) {
  TraceRecorder* const trace = lanes_->device().trace();
  TraceSpan span(trace, "run", "run");
  span.note("template", template_->name);
  if (states_ && !context) return no_context();
  if (context && !states_) RLX_TRY(context->belongs(*template_));  // with states: as the run begins
  const LanePool::Lease lease = lanes_->lease();
  LaneContext& slot = this->slot(lease.lane());
  if (!resolve(inputs_, inputs, slot.inputs.data())) return explain("input", inputs, manifest_.inputs);
  if (!resolve(outputs_, outputs, slot.outputs.data())) return explain("output", outputs, manifest_.outputs);
  const CallScope scope(options);
  RLX_TRY(scope.check("run"));
  RLX_ASSIGN(const std::shared_ptr<const SealedSet> set, ready(slot, lease.lane(), options.params, scope.call()));
  return execute_on(context, trace, {slot.context, set->handle.get(), slot.inputs, slot.outputs, scope.call(), image_});
}

Status VariantBody::run_bound(std::span<const rlx_view> inputs, std::span<const rlx_view> outputs, const CallOptions& options, ContextBody* context) {
  TraceRecorder* const trace = lanes_->device().trace();
  TraceSpan span(trace, "run", "run");
  span.note("template", template_->name);
  const CallScope scope(options);
  RLX_TRY(scope.check("run"));
  const LanePool::Lease lease = lanes_->lease();
  LaneContext& slot = this->slot(lease.lane());
  RLX_ASSIGN(const std::shared_ptr<const SealedSet> set, ready(slot, lease.lane(), options.params, scope.call()));
  return execute_on(context, trace, {slot.context, set->handle.get(), inputs, outputs, scope.call(), image_});
}

Status VariantBody::execute_on(ContextBody* context, TraceRecorder* trace, BackendRun run) {
  std::uint32_t blamed_op = RLX_NO_INDEX;
  run.blamed_op = &blamed_op;
  Status status = execute_states(context, trace, run);
  if (!status && blamed_op != RLX_NO_INDEX) [[unlikely]] return with_op(std::move(status).error(), template_->name, image_, blamed_op);
  return status;
}

Status VariantBody::execute_states(ContextBody* context, TraceRecorder* trace, BackendRun& run) {
  if (!states_) return execute(trace, run);
  RLX_TRY(context->admit(*template_, manifest_));
  run.inputs = context->merge_inputs(*states_, run.inputs);
  run.outputs = context->merge_outputs(*states_, run.outputs);
  Status status = execute(trace, run);
  context->finish(manifest_, status.has_value());
  return status;
}

Status VariantBody::bind(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, std::vector<rlx_view>& in,
                         std::vector<rlx_view>& out, bool has_context) const {
  if (states_ && !has_context) return no_context();
  in.resize(inputs_.size());
  out.resize(outputs_.size());
  if (!resolve(inputs_, inputs, in.data())) return explain("input", inputs, manifest_.inputs);
  if (!resolve(outputs_, outputs, out.data())) return explain("output", outputs, manifest_.outputs);
  return {};
}

}  // namespace rlx
