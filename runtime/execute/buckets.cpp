// SPDX-License-Identifier: Apache-2.0
// Buckets: the padded template beside the one that was given, inputs that are padded and outputs that are cut back, and the
// thread that compiles shapes of their own behind.
#include <rlx/host/buckets.hpp>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "runtime/base/check.h"
#include "runtime/compile/padding.h"
#include "runtime/execute/async_worker.h"
#include "runtime/execute/bucket_copy.h"
#include "runtime/execute/bucket_ladder.h"
#include "runtime/execute/compile_options.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/variant.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

Hash128 text_hash(const std::string& text) { return hash_bytes({reinterpret_cast<const std::byte*>(text.data()), text.size()}); }

/// A template of its own, with the weights of `from`: they have the same params.
Template template_of(const TemplateBody& from, Graph padded, const std::string& symbols) {
  auto body = std::make_shared<TemplateBody>();
  body->device = from.device;
  body->name = join(from.name, " padded: ", symbols);
  body->options = from.options;
  body->hir = from.hir;
  const auto graph = std::make_shared<const Graph>(std::move(padded));
  body->graph = graph;
  body->hash = text_hash(print(*graph));
  body->identity = text_hash(join(body->name, "\n", hex(body->hash), "\n", options_text(body->options)));
  body->missed = from.missed;
  body->manifest = symbolic_manifest(*graph);
  body->specializer = std::make_unique<Specializer>(graph, DeviceBody::target(from.device, from.options.backend), specialize_options(from.options), body->hash);
  body->params = from.params;
  return Template(std::move(body));
}

std::uint64_t count(std::span<const std::int64_t> dims) {
  std::uint64_t elements = 1;
  for (const std::int64_t dim : dims) elements *= static_cast<std::uint64_t>(dim);
  return elements;
}

/// Sizes of all factors of a tensor, in order: padded, and as far as they are real.
struct Extents {
  std::vector<std::int64_t> whole, real;
};

Result<Extents> extents_of(const Dims& dims, const PadLayout& layout, const Binding& bucket, const Binding& shape) {
  Extents extents;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    const PadAxis factors = layout[axis].empty() ? PadAxis{{dims[axis], false}} : layout[axis];
    for (const Factor& factor : factors) {
      RLX_ASSIGN(const std::int64_t whole, factor.size.evaluate(bucket));
      RLX_ASSIGN(const std::int64_t real, factor.size.evaluate(factor.padded ? shape : bucket));
      extents.whole.push_back(whole);
      extents.real.push_back(real);
    }
  }
  return extents;
}

/// What the model demands of one symbol alone holds for every extent of its ladder.
Status check_constraints(const Graph& graph, const Ladders& ladders) {
  for (const Binding& extent : ladders.extents())
    for (const Constraint& constraint : graph.constraints) {
      const auto left = constraint.left.evaluate(extent), right = constraint.right.evaluate(extent);
      if (!left || !right || (constraint.at_least ? *left >= *right : *left == *right)) continue;
      return fail(ErrorCode::kConstraintViolated, "the ladder of `", extent.begin()->first, "` has ", extent.begin()->second, ": ", constraint.reason, ": ",
                  *right, ", wanted ", constraint.at_least ? "at most " : "", *left);
    }
  return {};
}

}  // namespace

struct Buckets::Body {
  Body(ModelCompilePipeline pipeline_in, Template from_in, Ladders ladders_in, PaddedGraph padded, bool serve_larger_in)
      : pipeline(std::move(pipeline_in)), from(std::move(from_in)), ladders(std::move(ladders_in)), serve_larger(serve_larger_in),
        lengths(std::move(padded.lengths)), inputs(std::move(padded.inputs)), outputs(std::move(padded.outputs)) {
    std::string names;
    for (const std::string& symbol : ladders.symbols()) names += join(names.empty() ? "" : ", ", symbol);
    larger = template_of(*from.body(), std::move(padded.graph), names);
  }
  ~Body() { stop.cancel(); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  const Graph& graph() const { return *from.body()->graph; }
  Result<std::vector<NamedTensor>> run(std::span<const NamedView> given, const CallOptions& options);
  Result<std::vector<NamedTensor>> run_padded(std::span<const NamedView> given, const Binding& shape, const Binding& bucket, const CallOptions& options);
  Result<Tensor> padded_input(std::size_t index, const TensorView& view, const Binding& shape, const Binding& bucket) const;
  Result<NamedTensor> cut(std::size_t index, NamedTensor whole, const Binding& shape, const Binding& bucket) const;
  Result<Binding> choose(const Binding& shape);
  void compile_behind(const Binding& shape);
  void made_behind(const Binding& shape, const Status& status);

  ModelCompilePipeline pipeline;
  const Template from;
  const Ladders ladders;
  const bool serve_larger;
  const std::vector<std::string> lengths;  // by ladder
  const std::vector<PadLayout> inputs, outputs;
  Template larger;
  CancelToken stop = CancelToken::make();
  std::mutex mutex;  // guards the four below
  std::condition_variable changed;
  BucketCounters counters;
  std::set<Binding> behind;  // being compiled, or not to be tried again
  std::size_t compiling = 0;
  const pid_t owner = ::getpid();
  AsyncWorker worker;  // last: its tasks use the rest
};

Result<Tensor> Buckets::Body::padded_input(std::size_t index, const TensorView& view, const Binding& shape, const Binding& bucket) const {
  const Value& value = graph().values[graph().inputs[index]];
  RLX_ASSIGN(const Extents extents, extents_of(value.shape.dims, inputs[index], bucket, shape));
  const std::uint64_t bytes = count(extents.real) * dtype_bytes(view.dtype);
  if (view.bytes != bytes || (bytes && !view.data))
    return fail(ErrorCode::kWrongSize, "input `", value.name, "` has ", view.data ? view.bytes : 0, " bytes, wanted ", bytes);
  Tensor tensor(view.dtype, extents.whole);
  if (tensor.dtype() == DType::kNone) return fail(ErrorCode::kOutOfMemory, "input `", value.name, "` padded to ", dims_text(extents.whole));
  copy_front(static_cast<const std::byte*>(view.data), extents.real, static_cast<std::byte*>(tensor.data()), extents.whole, dtype_bytes(view.dtype));
  return tensor;
}

Result<NamedTensor> Buckets::Body::cut(std::size_t index, NamedTensor whole, const Binding& shape, const Binding& bucket) const {
  if (!is_padded(outputs[index])) return whole;
  const Dims& dims = graph().values[graph().outputs[index].value].shape.dims;
  RLX_ASSIGN(const Extents extents, extents_of(dims, outputs[index], bucket, shape));
  if (extents.whole == extents.real) return whole;
  RLX_ASSIGN(std::vector<std::int64_t> sizes, evaluate(dims, shape));
  NamedTensor real{whole.name, Tensor(whole.tensor.dtype(), std::move(sizes))};
  if (real.tensor.dtype() == DType::kNone) return fail(ErrorCode::kOutOfMemory, "output `", whole.name, "` cut back to its shape");
  copy_front(static_cast<const std::byte*>(whole.tensor.data()), extents.whole, static_cast<std::byte*>(real.tensor.data()), extents.real,
             dtype_bytes(whole.tensor.dtype()));
  return real;
}

Result<std::vector<NamedTensor>> Buckets::Body::run_padded(std::span<const NamedView> given, const Binding& shape, const Binding& bucket, const CallOptions& options) {
  RLX_ASSIGN(const CompiledGraph compiled, pipeline.get_or_compile(larger, bucket, {{}, options}));
  std::vector<NamedView> views;
  std::vector<Tensor> tensors;
  std::uint64_t elements = 0, more = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = graph().values[graph().inputs[i]].name;
    const auto found = std::find_if(given.begin(), given.end(), [&](const NamedView& each) { return each.name == name; });
    if (found == given.end()) return fail(ErrorCode::kMissingInput, "input `", name, "` is not given");
    views.push_back(*found);
    elements += count(found->view.dims);
    RLX_ASSIGN(const Extents extents, extents_of(graph().values[graph().inputs[i]].shape.dims, inputs[i], bucket, shape));
    if (extents.whole == extents.real) continue;
    RLX_ASSIGN(Tensor tensor, padded_input(i, found->view, shape, bucket));
    views.back().view = tensor.view();
    more += count(extents.whole) - count(extents.real);
    tensors.push_back(std::move(tensor));
  }
  std::vector<std::int64_t> sizes;
  for (const std::string& symbol : ladders.symbols()) sizes.push_back(shape.at(symbol));
  for (std::size_t i = 0; i < sizes.size(); ++i) views.push_back({lengths[i], {DType::kI64, {}, &sizes[i], sizeof sizes[i]}});
  RLX_ASSIGN(std::vector<NamedTensor> results, compiled.run(views, options));
  for (std::size_t i = 0; i < results.size(); ++i) {
    RLX_ASSIGN(results[i], cut(i, std::move(results[i]), shape, bucket));
  }
  const std::lock_guard lock(mutex);
  counters.input_elements += elements;
  counters.padded_elements += more;
  return results;
}

Result<std::vector<NamedTensor>> Buckets::Body::run(std::span<const NamedView> given, const CallOptions& options) {
  RLX_ASSIGN(const Binding shape, from.bind(given));
  RLX_TRY(check_binding(graph(), shape));
  RLX_ASSIGN(const Binding smallest, ladders.smallest(shape));
  if (serve_larger && pipeline.contains(from, shape)) {
    RLX_ASSIGN(const CompiledGraph compiled, pipeline.get_or_compile(from, shape, {{}, options}));
    RLX_ASSIGN(std::vector<NamedTensor> results, compiled.run(given, options));
    const std::lock_guard lock(mutex);
    ++counters.runs;
    ++counters.exact;
    for (const NamedView& view : given) counters.input_elements += count(view.view.dims);
    return results;
  }
  RLX_ASSIGN(const Binding bucket, choose(shape));
  RLX_ASSIGN(std::vector<NamedTensor> results, run_padded(given, shape, bucket, options));
  if (serve_larger) compile_behind(shape);
  const std::lock_guard lock(mutex);
  ++counters.runs;
  ++counters.by_bucket[ladders.text(bucket)];
  if (bucket != smallest) ++counters.larger;
  return results;
}

/// The bucket for a run of this shape.
Result<Binding> Buckets::Body::choose(const Binding& shape) {
  RLX_ASSIGN(Binding smallest, ladders.smallest(shape));
  if (!serve_larger || pipeline.contains(larger, smallest)) return smallest;
  for (Binding& bucket : ladders.holding(shape))
    if (pipeline.contains(larger, bucket)) return std::move(bucket);
  return smallest;
}

void Buckets::Body::compile_behind(const Binding& shape) {
  {
    const std::lock_guard lock(mutex);
    if (pipeline.contains(from, shape) || !behind.insert(shape).second) return;  // it may have come while this run ran
    ++compiling;
  }
  const Status posted = worker.post([this, shape] {
    const InsideRuntime inside;  // a fork while it compiles is told so
    made_behind(shape, guard([&]() -> Status {
      GetOptions get;
      get.call.cancel = stop;
      const CallScope scope(get.call);
      RLX_TRY(scope.check("compile"));
      RLX_ASSIGN(const CompiledGraph compiled, pipeline.get_or_compile(from, shape, get));
      return compiled.body()->make_ready(scope);
    }));
  });
  if (!posted) made_behind(shape, posted);
}

/// A shape that failed stays in the list: it is served by buckets from then on.
void Buckets::Body::made_behind(const Binding& shape, const Status& status) {
  const std::lock_guard lock(mutex);
  --compiling;
  if (status) ++counters.compiled_behind;
  else if (!is_of_the_call(status.error())) ++counters.failed_behind;
  if (status) behind.erase(shape);
  changed.notify_all();
}

Result<Buckets> Buckets::create(ModelCompilePipeline& pipeline, const Template& from, const BucketOptions& options) {
  return entry([&]() -> Result<Buckets> {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    RLX_ASSIGN(Ladders ladders, Ladders::make(options.ladders, from.manifest()));
    RLX_TRY(check_constraints(*from.body()->graph, ladders));
    RLX_ASSIGN(PaddedGraph padded, pad_symbols(*from.body()->graph, ladders.symbols()));
    Buckets buckets;
    buckets.body_ = std::make_shared<Body>(pipeline, from, std::move(ladders), std::move(padded), options.serve_larger);
    return buckets;
  });
}

Result<std::vector<NamedTensor>> Buckets::run(std::span<const NamedView> inputs, const CallOptions& options) const {
  return entry([&]() -> Result<std::vector<NamedTensor>> { return body_->run(inputs, options); });
}

Result<Binding> Buckets::bucket_of(const Binding& shape) const {
  return guard([&]() -> Result<Binding> {
    RLX_TRY(check_binding(body_->graph(), shape));
    return body_->ladders.smallest(shape);
  });
}

std::vector<Binding> Buckets::buckets(const Binding& rest) const { return body_->ladders.all(rest); }
const Template& Buckets::padded() const { return body_->larger; }

BucketCounters Buckets::counters() const {
  const std::lock_guard lock(body_->mutex);
  return body_->counters;
}

void Buckets::wait() const {
  if (::getpid() != body_->owner) return;
  std::unique_lock lock(body_->mutex);
  body_->changed.wait(lock, [&] { return body_->compiling == 0; });
}

}  // namespace rlx
