// SPDX-License-Identifier: Apache-2.0
// Contexts: memory of states, the length that grows with every run, and the public face of both.
#include "runtime/execute/context_run.h"

#include <rlx/plugin.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/bound_run.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/variant.h"

namespace rlx {
namespace {

constexpr std::size_t kAlignment = 64;

std::vector<std::int64_t> numbers(const Sizes& sizes) {
  std::vector<std::int64_t> dims;
  for (const Size& size : sizes) dims.push_back(size.number());
  return dims;
}

std::string text_of(DType dtype, std::span<const std::int64_t> dims) { return join(dtype_name(dtype), dims_text(dims)); }

Error no_context() {
  return fail(ErrorCode::kInvalidArgument, "the context is empty: make one with CompiledGraph::create_context");
}

/// A state with a dim of the capacity's size is written from the length on: what a failed run wrote there is written again.
bool has_room(const Graph& graph, std::size_t state) {
  if (!graph.length) return false;
  const Dims& dims = graph.values[graph.inputs[graph.states[state].input]].shape.dims;
  return std::find(dims.begin(), dims.end(), graph.length->capacity) != dims.end();
}

}  // namespace

StateLayout::StateLayout(const Graph& graph) {
  using Kind = Source::Kind;
  inputs.assign(graph.inputs.size(), {Kind::kGiven, 0});
  outputs.assign(graph.outputs.size(), {Kind::kGiven, 0});
  for (std::size_t i = 0; i < graph.states.size(); ++i)
    inputs[graph.states[i].input] = outputs[graph.states[i].output] = {Kind::kState, static_cast<std::uint32_t>(i)};
  if (graph.length) inputs[graph.length->input] = {Kind::kLength, 0};
  for (std::vector<Source>* list : {&inputs, &outputs}) {
    std::uint32_t given = 0;
    for (Source& source : *list)
      if (source.kind == Kind::kGiven) source.index = given++;
  }
}

// ---- Memory ------------------------------------------------------------------------------------------------------------

ContextBody::ContextBody(std::shared_ptr<const DeviceBody> device, Hash128 template_hash, std::string template_name)
    : device_(std::move(device)), template_hash_(template_hash), template_name_(std::move(template_name)) {
  if (device_->memory()) device_->memory()->add(*this);
}

ContextBody::~ContextBody() {
  states_.clear();  // before the account forgets them
  if (device_->memory()) leave([&] { device_->memory()->remove(*this); });
}

MemoryItem ContextBody::held() const {
  MemoryItem item;
  item.state_bytes = counted_.load(std::memory_order_relaxed);
  item.what = join("states of `", template_name_, "` on ", device_->report().device);
  return item;
}

/// Memory for every state, let in at once.
Status ContextBody::allocate_all() {
  RLX_ASSIGN(MemoryAccount::Reservation reserved, rlx::admit(device_->memory().get(), bytes(), "the states of a context"));
  for (StateMemory& state : states_) RLX_TRY(allocate(state));
  reserved.commit([&] { counted_.store(bytes(), std::memory_order_relaxed); });
  return {};
}

Status ContextBody::allocate(StateMemory& state) const {
  if (!device_->handle().info().has(RLX_DEVICE_FLAG_HOST_MEMORY)) {
    if (state.bytes == 0) return {};
    RLX_ASSIGN(state.buffer, device_->handle().alloc(state.bytes, kAlignment));
    return {};
  }
  const std::size_t rounded = (state.bytes / kAlignment + 1) * kAlignment;
  void* const memory = state.bytes > SIZE_MAX - kAlignment ? nullptr : std::aligned_alloc(kAlignment, rounded);
  if (!memory) return fail(ErrorCode::kOutOfMemory, "state `", state.name, "` needs ", state.bytes, " bytes");
  state.host = std::shared_ptr<void>(memory, std::free);
  return {};
}

Status ContextBody::zero(StateMemory& state) const {
  state.lost = true;  // until all of it is written
  if (state.host && state.bytes) std::memset(state.host.get(), 0, state.bytes);
  const std::vector<std::byte> zeros(state.host ? 0 : std::min<std::uint64_t>(state.bytes, 1u << 20));
  for (std::uint64_t at = 0; !state.host && at < state.bytes; at += zeros.size()) {
    const Bytes piece(zeros.data(), std::min<std::uint64_t>(zeros.size(), state.bytes - at));
    RLX_TRY(state.buffer.write(at, piece));
  }
  state.lost = false;
  return {};
}

Result<std::shared_ptr<ContextBody>> ContextBody::make(const TemplateBody& from, const BindingManifest& manifest) {
  if (manifest.states.empty())
    return fail(ErrorCode::kInvalidArgument, "template `", from.name, "` has no states: it runs without a context");
  auto body = std::make_shared<ContextBody>(from.device, from.hash, from.name);
  if (manifest.length) {
    body->has_length_ = true;
    body->length_name_ = manifest.length->name;
    body->capacity_ = manifest.length->capacity.number();
  }
  for (const ManifestEntry& entry : manifest.states) {
    StateMemory& state = body->states_.emplace_back();
    state.name = entry.name;
    state.dtype = entry.dtype;
    state.dims = numbers(entry.dims);
    state.bytes = entry.bytes;
    state.has_room = has_room(*from.graph, body->states_.size() - 1);
  }
  RLX_TRY(body->allocate_all());
  for (StateMemory& state : body->states_) RLX_TRY(body->zero(state));
  return body;
}

Result<std::shared_ptr<ContextBody>> ContextBody::fork() const {
  auto body = std::make_shared<ContextBody>(device_, template_hash_, template_name_);
  body->length_name_ = length_name_;
  body->has_length_ = has_length_;
  body->capacity_ = capacity_;
  body->length_ = length();
  for (const StateMemory& source : states_) {
    StateMemory& state = body->states_.emplace_back();
    state.name = source.name;
    state.dtype = source.dtype;
    state.dims = source.dims;
    state.bytes = source.bytes;
    state.lost = source.lost;
    state.has_room = source.has_room;
  }
  RLX_TRY(body->allocate_all());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const StateMemory& source = states_[i];
    StateMemory& state = body->states_[i];
    if (state.bytes == 0) continue;
    if (state.host) {
      std::memcpy(state.host.get(), source.host.get(), state.bytes);
    } else {
      RLX_TRY(state.buffer.copy_from(source.buffer, 0, 0, state.bytes));
    }
  }
  return body;
}

Result<std::size_t> ContextBody::find(std::string_view name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].name == name) return i;
    names.push_back(states_[i].name);
  }
  return fail(ErrorCode::kUnknownName, "no state `", name, "`; ", did_you_mean(name, names));
}

Result<Tensor> ContextBody::read(std::string_view name) const {
  RLX_ASSIGN(const std::size_t index, find(name));
  const StateMemory& state = states_[index];
  Tensor tensor(state.dtype, state.dims);
  if (tensor.dtype() == DType::kNone) return fail(ErrorCode::kOutOfMemory, "a copy of state `", name, "` needs ", state.bytes, " bytes");
  if (state.bytes == 0) return tensor;
  if (state.host) {
    std::memcpy(tensor.data(), state.host.get(), state.bytes);
  } else {
    RLX_TRY(state.buffer.read(0, {static_cast<std::byte*>(tensor.data()), state.bytes}));
  }
  return tensor;
}

Status ContextBody::write(std::string_view name, const TensorView& value) {
  RLX_ASSIGN(const std::size_t index, find(name));
  StateMemory& state = states_[index];
  if (value.dtype != state.dtype)
    return fail(ErrorCode::kWrongDtype, "state `", name, "` is ", dtype_name(state.dtype), ", given is ", dtype_name(value.dtype));
  if (value.dims != state.dims)
    return fail(ErrorCode::kWrongShape, "state `", name, "` is ", dims_text(state.dims), ", given is ", dims_text(value.dims));
  if (value.bytes != state.bytes || (!value.data && state.bytes))
    return fail(ErrorCode::kWrongSize, "state `", name, "` has ", state.bytes, " bytes, given are ", value.data ? value.bytes : 0);
  state.lost = true;  // until all of it is written
  if (state.bytes && state.host) std::memcpy(state.host.get(), value.data, state.bytes);
  if (state.bytes && !state.host) RLX_TRY(state.buffer.write(0, {static_cast<const std::byte*>(value.data), state.bytes}));
  state.lost = false;
  return {};
}

Status ContextBody::reset() {
  length_ = 0;
  for (StateMemory& state : states_) state.lost = true;
  for (StateMemory& state : states_) RLX_TRY(zero(state));
  return {};
}

Status ContextBody::set_length(std::int64_t length, std::int64_t most) {
  if (!has_length_)
    return fail(ErrorCode::kInvalidArgument, "template `", template_name_, "` declares no length of its states: reset the context instead");
  if (length < 0 || length > most)
    return fail(ErrorCode::kInvalidArgument, "a length of ", length, " for `", length_name_, "`, wanted 0 to ", most, " (capacity ", capacity_, ")");
  length_ = length;
  return {};
}

std::uint64_t ContextBody::bytes() const {
  std::uint64_t bytes = 0;
  for (const StateMemory& state : states_) bytes += state.bytes;
  return bytes;
}

// ---- Runs --------------------------------------------------------------------------------------------------------------

Result<ContextBody::Use> ContextBody::Use::take(ContextBody& body) {
  if (body.busy_.exchange(true, std::memory_order_acquire))
    return fail(ErrorCode::kContextBusy, "the context of template `", body.template_name_, "` is used by another call");
  return Use(body);
}

ContextBody::Use::~Use() {
  if (body_) body_->busy_.store(false, std::memory_order_release);
}

Status ContextBody::belongs(const TemplateBody& from) const {
  if (from.device != device_)
    return fail(ErrorCode::kWrongContext, "the context lies on ", device_->report().device, " of ", device_->report().plugin_id,
                ", template `", from.name, "` was built for ", from.device->report().device, " of ", from.device->report().plugin_id);
  if (from.hash == template_hash_) return {};
  return fail(ErrorCode::kWrongContext, "the context belongs to template `", template_name_, "` (", hex(template_hash_),
              "), the run is of template `", from.name, "` (", hex(from.hash), ")");
}

Status ContextBody::fits(const TemplateBody& from, const BindingManifest& manifest) const {
  RLX_TRY(belongs(from));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const StateMemory& state = states_[i];
    const Sizes& wanted = manifest.states[i].dims;
    const auto same = [](std::int64_t dim, const Size& size) { return dim == size.number(); };
    if (!std::equal(state.dims.begin(), state.dims.end(), wanted.begin(), wanted.end(), same))
      return fail(ErrorCode::kWrongContext, "state `", state.name, "` of the context is ", text_of(state.dtype, state.dims),
                  ", this variant wants ", text_of(state.dtype, numbers(wanted)));
  }
  if (has_length_ && capacity_ != manifest.length->capacity.number())
    return fail(ErrorCode::kWrongContext, "the context has capacity ", capacity_, ", this variant wants ", manifest.length->capacity.number());
  return {};
}

Status ContextBody::admit(const TemplateBody& from, const BindingManifest& manifest) {
  RLX_TRY(fits(from, manifest));
  for (const StateMemory& state : states_)
    if (state.lost)
      return fail(ErrorCode::kStateLost, "state `", state.name, "` is undefined since a run failed half-way; reset the context");
  if (!has_length_) return {};
  const std::int64_t step = manifest.length->step.number();
  if (step > capacity_ - length())
    return fail(ErrorCode::kStateFull, "`", length_name_, "` is ", length(), ", the run adds ", step, ", the capacity is ", capacity_,
                ": ", step - (capacity_ - length()), " too many");
  length_argument_ = length();
  return {};
}

void ContextBody::add_view(std::vector<rlx_view>& views, const StateMemory& state) const {
  rlx_view view{};
  view.host = state.bytes ? state.host.get() : nullptr;
  view.buffer = state.buffer.get();
  view.bytes = state.bytes;
  view.dtype = static_cast<std::uint32_t>(state.dtype);
  view.rank = static_cast<std::uint32_t>(state.dims.size());
  view.dims = state.dims.data();
  views.push_back(view);
}

std::span<const rlx_view> ContextBody::merge(const std::vector<StateLayout::Source>& sources, std::span<const rlx_view> given,
                                             std::vector<rlx_view>& views) const {
  views.clear();
  for (const StateLayout::Source& source : sources) {
    switch (source.kind) {
      case StateLayout::Source::Kind::kGiven: views.push_back(given[source.index]); break;
      case StateLayout::Source::Kind::kState: add_view(views, states_[source.index]); break;
      case StateLayout::Source::Kind::kLength: {
        rlx_view view{};
        view.host = const_cast<std::int64_t*>(&length_argument_);
        view.bytes = sizeof length_argument_;
        view.dtype = static_cast<std::uint32_t>(DType::kI64);
        views.push_back(view);
      }
    }
  }
  return views;
}

void ContextBody::finish(const BindingManifest& manifest, bool succeeded) {
  if (succeeded && has_length_) length_ = length() + manifest.length->step.number();
  if (!succeeded)
    for (StateMemory& state : states_) state.lost = state.lost || !state.has_room;
}

Result<Binding> ContextBody::sizes(const TemplateBody& from) const {
  RLX_TRY(belongs(from));
  Binding known;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const Shape& shape = from.graph->values[from.graph->inputs[from.graph->states[i].input]].shape;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis)
      if (shape.dims[axis].is_symbol()) known.emplace(shape.dims[axis].symbol_name(), states_[i].dims[axis]);
  }
  return known;
}

// ---- The public face ---------------------------------------------------------------------------------------------------

Result<ExecutionContext> CompiledGraph::create_context() const {
  return entry([&]() -> Result<ExecutionContext> {
    if (!body_) return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline");
    RLX_ASSIGN(auto body, ContextBody::make(body_->from(), body_->manifest()));
    return ExecutionContext(std::move(body));
  });
}

Status ExecutionContext::run_into(const CompiledGraph& graph, std::span<const NamedView> inputs,
                                  std::span<const NamedMutableView> outputs, const CallOptions& options) {
  return entry([&]() -> Status {
    if (!body_) return no_context();
    if (!graph.body()) return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline");
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return graph.body()->run(inputs, outputs, options, body_.get());
  });
}

Result<std::vector<NamedTensor>> ExecutionContext::run(const CompiledGraph& graph, std::span<const NamedView> inputs,
                                                       const CallOptions& options) {
  return guard([&]() -> Result<std::vector<NamedTensor>> {
    if (!body_) return no_context();
    if (!graph.body()) return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline");
    std::vector<NamedTensor> results;
    std::vector<NamedMutableView> views;
    for (const ManifestEntry& entry : graph.manifest().outputs) {
      results.push_back({entry.name, Tensor(entry.dtype, numbers(entry.dims))});
      if (results.back().tensor.dtype() == DType::kNone)
        return fail(ErrorCode::kOutOfMemory, "output `", entry.name, "` needs ", entry.bytes, " bytes");
      views.push_back({entry.name, results.back().tensor.mutable_view()});
    }
    RLX_TRY(run_into(graph, inputs, views, options));
    return results;
  });
}

Result<BoundRun> ExecutionContext::bind_run(const CompiledGraph& graph, std::span<const NamedView> inputs,
                                            std::span<const NamedMutableView> outputs) const {
  return entry([&]() -> Result<BoundRun> {
    if (!body_) return no_context();
    if (!graph.body()) return fail(ErrorCode::kInvalidArgument, "the graph is empty: take one from a pipeline");
    auto bound = std::make_unique<BoundRun::Body>();
    bound->variant = graph.body();
    bound->context = body_;
    RLX_TRY(body_->fits(graph.body()->from(), graph.manifest()));
    RLX_TRY(graph.body()->bind(inputs, outputs, bound->inputs, bound->outputs, true));
    return BoundRun(std::move(bound));
  });
}

Result<Binding> ExecutionContext::bind(const Template& from, std::span<const NamedView> inputs) const {
  return guard([&]() -> Result<Binding> {
    if (!body_) return no_context();
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    RLX_ASSIGN(const Binding known, body_->sizes(*from.body()));
    return bind_inputs(*from.body()->graph, inputs, known);
  });
}

Result<std::vector<NamedTensor>> ExecutionContext::run(ModelCompilePipeline& pipeline, const Template& from,
                                                       std::span<const NamedView> inputs, const CallOptions& options) {
  RLX_ASSIGN(const Binding binding, bind(from, inputs));
  RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(from, binding, {{}, options}));
  return run(graph, inputs, options);
}

Status ExecutionContext::reset() {
  return entry([&]() -> Status {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return body_->reset();
  });
}

Status ExecutionContext::truncate(std::int64_t length) {
  return guard([&]() -> Status {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return body_->set_length(length, body_->length());
  });
}

Status ExecutionContext::set_length(std::int64_t length) {
  return guard([&]() -> Status {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return body_->set_length(length, body_->capacity());
  });
}

Result<ExecutionContext> ExecutionContext::fork() const {
  return entry([&]() -> Result<ExecutionContext> {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    RLX_ASSIGN(auto body, body_->fork());
    return ExecutionContext(std::move(body));
  });
}

Result<Tensor> ExecutionContext::read_state(std::string_view name) const {
  return entry([&]() -> Result<Tensor> {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return body_->read(name);
  });
}

Status ExecutionContext::write_state(std::string_view name, const TensorView& value) {
  return entry([&]() -> Status {
    if (!body_) return no_context();
    RLX_ASSIGN(const ContextBody::Use use, ContextBody::Use::take(*body_));
    return body_->write(name, value);
  });
}

std::uint64_t ExecutionContext::bytes() const { return body_ ? body_->bytes() : 0; }
std::int64_t ExecutionContext::length() const { return body_ ? body_->length() : 0; }
std::int64_t ExecutionContext::capacity() const { return body_ ? body_->capacity() : 0; }

}  // namespace rlx
