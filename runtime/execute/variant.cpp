// SPDX-License-Identifier: Apache-2.0
// Compiling an image and running it: names are resolved here, everything below is by position.
#include "runtime/execute/variant.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/manifest.h"

namespace rlx {
namespace {

using Clock = std::chrono::steady_clock;
double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// dims of a manifest entry as numbers, for views that the run hands over.
std::vector<std::int64_t> entry_dims(const ManifestEntry& entry) {
  std::vector<std::int64_t> dims;
  for (const Size& size : entry.dims) dims.push_back(size.number());
  return dims;
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
  if (seen.bytes != wanted.bytes || (!seen.data && wanted.bytes))
    return fail(ErrorCode::kWrongSize, what, " `", wanted.name, "` has ", seen.data ? seen.bytes : 0, " bytes, wanted ", wanted.bytes);
  return {};
}

/// One ABI view per manifest entry, in its order. `missing` is the code for an entry that is not given.
template <class Named>
Status collect(std::string_view what, std::span<const Named> given, const std::vector<ManifestEntry>& wanted,
               std::vector<rlx_view>& views) {
  RLX_TRY(check_names(what, given, wanted));
  views.reserve(wanted.size());
  for (const ManifestEntry& entry : wanted) {
    const Named* tensor = find(given, entry.name);
    if (!tensor) return fail(ErrorCode::kMissingInput, what, " `", entry.name, "` is not given");
    RLX_TRY(check_view(what, entry, tensor->view));
    rlx_view view{};
    view.host = const_cast<void*>(static_cast<const void*>(tensor->view.data));
    view.bytes = tensor->view.bytes;
    view.dtype = static_cast<std::uint32_t>(tensor->view.dtype);
    view.rank = static_cast<std::uint32_t>(tensor->view.dims.size());
    view.dims = tensor->view.dims.data();
    views.push_back(view);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<VariantBody>> VariantBody::compile(std::shared_ptr<TemplateBody> from, const Specialized& specialized,
                                                          std::shared_ptr<LanePool> lanes, ExecutableStore& store) {
  const auto begin = Clock::now();
  auto variant = std::make_shared<VariantBody>();
  variant->template_ = std::move(from);
  variant->lanes_ = std::move(lanes);
  variant->keepalive_ = specialized.keepalive;
  variant->image_ = specialized.image;
  variant->manifest_ = specialized.manifest;
  if (!specialized.manifest.states.empty()) variant->states_.emplace(*variant->template_->graph);
  variant->binding_ = specialized.binding;
  variant->report_ = specialized.report;
  CompileRequest request;
  request.image = specialized.image;
  request.options = variant->template_->options.backend;
  request.thread_limit = variant->template_->options.thread_limit;
  const DeviceBody& device = variant->lanes_->device();
  RLX_ASSIGN(const lir::ImageHashes hashes, lir::image_hashes(specialized.image));
  RLX_ASSIGN(variant->executable_, store.get_or_make(code_identity(device, request.options, request.thread_limit), hashes,
                                                     [&] { return Executable::compile(device, request); }));
  variant->times_.specialize_us = specialized.specialize_us;
  variant->times_.compile_us = microseconds_since(begin);
  return variant;
}

Status VariantBody::prepare() {
  const auto begin = Clock::now();
  RLX_TRY(prepared_set());
  times_.prepare_us = microseconds_since(begin);
  return {};
}

Result<std::shared_ptr<const PreparedSet>> VariantBody::prepared_set() {
  RLX_ASSIGN(const std::shared_ptr<const SealedSet> set, template_->params->acquire());
  const std::lock_guard lock(mutex_);
  if (prepared_ && prepared_->set->generation >= set->generation) return prepared_;
  RLX_ASSIGN(prepared_, executable_->prepare(set));
  return prepared_;
}

Result<const ContextHandle*> VariantBody::context(Lane& lane) {
  LaneContext* slot = nullptr;
  {
    const std::lock_guard lock(mutex_);
    while (by_lane_.size() <= lane.id()) by_lane_.push_back(std::make_unique<LaneContext>());
    slot = by_lane_[lane.id()].get();
  }
  if (slot->context && slot->slab == lane.slab()) return &slot->context;
  slot->context = {};
  RLX_ASSIGN(const std::vector<rlx_arena> arenas, lane.lend(lanes_->device(), executable_->info().arenas));
  RLX_ASSIGN(slot->context, executable_->handle().create_context(arenas, template_->options.thread_limit));
  slot->slab = lane.slab();
  return &slot->context;
}

Status VariantBody::run(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, ContextBody* context) {
  if (states_ && !context)
    return fail(ErrorCode::kWrongContext, "template `", template_->name, "` has ", manifest_.states.size(),
                " states (the first is `", manifest_.states[0].name, "`): run it on a context made by create_context()");
  std::vector<rlx_view> in, out;
  RLX_TRY(collect("input", inputs, manifest_.inputs, in));
  RLX_TRY(collect("output", outputs, manifest_.outputs, out));
  RLX_ASSIGN(const std::shared_ptr<const PreparedSet> prepared, prepared_set());
  const LanePool::Lease lease = lanes_->lease();
  RLX_ASSIGN(const ContextHandle* backend, this->context(lease.lane()));
  if (!states_) return backend->execute(prepared->set->handle.get(), in, out);
  RLX_TRY(context->admit(*template_, manifest_));
  Status status = backend->execute(prepared->set->handle.get(), context->merge_inputs(*states_, in), context->merge_outputs(*states_, out));
  context->finish(manifest_, status.has_value());
  return status;
}

const BindingManifest& CompiledGraph::manifest() const { return body_->manifest(); }
const Binding& CompiledGraph::binding() const { return body_->binding(); }
const DispatchReport& CompiledGraph::report() const { return body_->report(); }
const CompileTimes& CompiledGraph::times() const { return body_->times(); }
std::uint64_t CompiledGraph::arena_bytes() const { return body_->arena_bytes(); }
std::span<const std::byte> CompiledGraph::image() const { return body_->image(); }

Status CompiledGraph::set_param(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive) {
  return guard([&]() -> Status { return body_->from().params->stage(name, value, std::move(keepalive)); });
}
std::vector<std::string> CompiledGraph::unset_params() const { return body_->from().params->unset(); }

Status CompiledGraph::run_into(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs) const {
  return guard([&]() -> Status { return body_->run(inputs, outputs); });
}

Result<std::vector<NamedTensor>> CompiledGraph::run(std::span<const NamedView> inputs) const {
  return guard([&]() -> Result<std::vector<NamedTensor>> {
    std::vector<NamedTensor> results;
    std::vector<NamedMutableView> views;
    for (const ManifestEntry& entry : body_->manifest().outputs) {
      results.push_back({entry.name, Tensor(entry.dtype, entry_dims(entry))});
      if (results.back().tensor.dtype() == DType::kNone)
        return fail(ErrorCode::kOutOfMemory, "output `", entry.name, "` needs ", entry.bytes, " bytes");
      views.push_back({entry.name, results.back().tensor.mutable_view()});
    }
    RLX_TRY(body_->run(inputs, views));
    return results;
  });
}

}  // namespace rlx
