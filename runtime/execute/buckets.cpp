// SPDX-License-Identifier: Apache-2.0
// Buckets: the padded template beside the one that was given, inputs that are padded and outputs that are cut back, and the
// thread that compiles shapes of their own behind.
#include <rlx/host/buckets.hpp>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>

#include "runtime/base/check.h"
#include "runtime/base/own_condition.h"
#include "runtime/compile/padding.h"
#include "runtime/execute/async_worker.h"
#include "runtime/execute/bound_run.h"
#include "runtime/execute/bucket_copy.h"
#include "runtime/execute/bucket_ladder.h"
#include "runtime/execute/bucket_run.h"
#include "runtime/execute/compile_options.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/nothing.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/variant.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

constexpr std::size_t kMostShapes = 256;  // whose sizes are kept

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

std::size_t width(const Port& port) { return dtype_bytes(static_cast<DType>(port.dtype)); }

/// Of the dtypes and dims as they come; other inputs may have the same, so whoever finds something looks at it.
std::uint64_t dims_key(std::span<const NamedView> given) {
  std::uint64_t key = given.size();
  const auto add = [&](std::uint64_t value) {
    key = (key ^ value) * 0x9E3779B97F4A7C15ull;
    key ^= key >> 29;
  };
  for (const NamedView& each : given) {
    add(static_cast<std::uint64_t>(each.view.dtype));
    add(each.view.dims.size());
    for (const std::int64_t dim : each.view.dims) add(static_cast<std::uint64_t>(dim));
  }
  return key;
}

Error no_buckets() { return fail(ErrorCode::kInvalidArgument, "the buckets are empty: make them with Buckets::create"); }

}  // namespace

struct Buckets::Body {
  Body(ModelCompilePipeline pipeline_in, Template from_in, Ladders ladders_in, PaddedGraph padded, bool serve_larger_in)
      : pipeline(std::move(pipeline_in)), from(std::move(from_in)), ladders(std::move(ladders_in)), serve_larger(serve_larger_in),
        inputs(std::move(padded.inputs)), outputs(std::move(padded.outputs)) {
    std::string names;
    for (const std::string& symbol : ladders.symbols()) names += join(names.empty() ? "" : ", ", symbol);
    larger = template_of(*from.body(), std::move(padded.graph), names);
    rooms = std::make_unique<BucketRooms>(from.body()->device, from.name(), inputs.size(), outputs.size(), ladders.symbols().size());
  }
  ~Body() { stop.cancel(); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  const Graph& graph() const { return *from.body()->graph; }
  Result<std::vector<NamedTensor>> run(std::span<const NamedView> given, const CallOptions& options);
  Status run_into(std::span<const NamedView> given, std::span<const NamedMutableView> outputs, const CallOptions& options);
  Result<std::shared_ptr<BucketShape>> shape_of(std::span<const NamedView> given, BucketRoom& room);
  Result<std::shared_ptr<BucketShape>> make_shape(std::span<const NamedView> given, BucketRoom& room) const;
  Result<std::shared_ptr<const BucketFit>> fit_of(BucketShape& shape, const Binding& bucket);
  Result<BucketFit> make_fit(const BucketShape& shape, const Binding& bucket) const;
  Result<std::shared_ptr<const BucketFit>> choose(BucketShape& shape);
  Status run_on(BucketShape& shape, BucketRoom& room, std::span<const NamedMutableView> outputs, const CallOptions& options);
  Status run_padded(const BucketShape& shape, const BucketFit& fit, BucketRoom& room, const CallOptions& options);
  void count_run(const BucketShape& shape, const BucketFit* fit);
  void compile_behind(const Binding& shape);
  void made_behind(const Binding& shape, const Status& status);

  ModelCompilePipeline pipeline;
  const Template from;
  const Ladders ladders;
  const bool serve_larger;
  const std::vector<PadLayout> inputs, outputs;
  Template larger;
  std::unique_ptr<BucketRooms> rooms;
  CancelToken stop = CancelToken::make();
  std::mutex mutex;  // guards the five below
  OwnCondition changed;
  BucketCounters counters;
  std::set<Binding> behind;  // being compiled, or not to be tried again
  std::size_t compiling = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<BucketShape>> shapes;  // by the dims of the inputs, in the caller's order
  const pid_t owner = ::getpid();
  AsyncWorker worker;  // last: its tasks use the rest
};

Result<std::shared_ptr<BucketShape>> Buckets::Body::make_shape(std::span<const NamedView> given, BucketRoom& room) const {
  auto shape = std::make_shared<BucketShape>();
  RLX_ASSIGN(shape->sizes, from.bind(given));
  RLX_TRY(check_binding(graph(), shape->sizes));
  RLX_ASSIGN(shape->smallest, ladders.smallest(shape->sizes));
  RLX_ASSIGN(shape->manifest, numeric_manifest(graph(), shape->sizes));
  shape->inputs = ports(shape->manifest.inputs);
  shape->outputs = ports(shape->manifest.outputs);
  for (const std::string& symbol : ladders.symbols()) shape->lengths.push_back(shape->sizes.at(symbol));
  for (const Port& port : shape->inputs) shape->elements += count(port.dims);
  if (!resolve(shape->inputs, given, room.given.data())) return explain("input", given, shape->manifest.inputs);
  return shape;
}

/// The shape of these inputs, whose views then lie in the room. A shape that was seen costs a look.
Result<std::shared_ptr<BucketShape>> Buckets::Body::shape_of(std::span<const NamedView> given, BucketRoom& room) {
  const std::uint64_t key = dims_key(given);
  std::shared_ptr<BucketShape> known;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = shapes.find(key); found != shapes.end()) known = found->second;
  }
  if (known && resolve(known->inputs, given, room.given.data())) return known;
  RLX_ASSIGN(std::shared_ptr<BucketShape> made, make_shape(given, room));
  const std::lock_guard lock(mutex);
  if (shapes.size() >= kMostShapes) shapes.clear();
  shapes[key] = made;
  return made;
}

Result<BucketFit> Buckets::Body::make_fit(const BucketShape& shape, const Binding& bucket) const {
  BucketFit fit;
  fit.bucket = bucket;
  fit.text = ladders.text(bucket);
  RLX_ASSIGN(fit.manifest, numeric_manifest(*larger.body()->graph, bucket));
  fit.inputs = ports(fit.manifest.inputs);
  fit.outputs = ports(fit.manifest.outputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    RLX_ASSIGN(fit.input_extents.emplace_back(), extents_of(graph().values[graph().inputs[i]].shape.dims, inputs[i], bucket, shape.sizes));
    fit.padding += count(fit.input_extents[i].whole) - count(fit.input_extents[i].real);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Dims& dims = graph().values[graph().outputs[i].value].shape.dims;
    RLX_ASSIGN(fit.output_extents.emplace_back(), extents_of(dims, outputs[i], bucket, shape.sizes));
    RLX_CHECK(count(fit.output_extents[i].real) == count(shape.outputs[i].dims), "output `", shape.outputs[i].name, "` is not cut to its shape");
  }
  return fit;
}

Result<std::shared_ptr<const BucketFit>> Buckets::Body::fit_of(BucketShape& shape, const Binding& bucket) {
  {
    const std::lock_guard lock(mutex);
    for (const auto& fit : shape.fits)
      if (fit->bucket == bucket) return fit;
  }
  RLX_ASSIGN(BucketFit fit, make_fit(shape, bucket));
  const std::lock_guard lock(mutex);
  return shape.fits.emplace_back(std::make_shared<const BucketFit>(std::move(fit)));
}

/// The bucket for a run of this shape.
Result<std::shared_ptr<const BucketFit>> Buckets::Body::choose(BucketShape& shape) {
  if (serve_larger && !pipeline.contains(larger, shape.smallest))
    for (const Binding& bucket : ladders.holding(shape.sizes))
      if (pipeline.contains(larger, bucket)) return fit_of(shape, bucket);
  return fit_of(shape, shape.smallest);
}

Status Buckets::Body::run_padded(const BucketShape& shape, const BucketFit& fit, BucketRoom& room, const CallOptions& options) {
  RLX_ASSIGN(const CompiledGraph compiled, pipeline.get_or_compile(larger, fit.bucket, {{}, options}));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Extents& extents = fit.input_extents[i];
    void* memory = room.given[i].host;
    if (extents.is_padded()) {
      RLX_ASSIGN(memory, rooms->buffer(room, i, fit.inputs[i].bytes));
      copy_front(static_cast<const std::byte*>(room.given[i].host), extents.real, static_cast<std::byte*>(memory), extents.whole, width(fit.inputs[i]));
    }
    fit.inputs[i].set(room.inputs[i], memory);
  }
  for (std::size_t i = 0; i < shape.lengths.size(); ++i) fit.inputs[inputs.size() + i].set(room.inputs[inputs.size() + i], &shape.lengths[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    void* memory = room.results[i].host;
    if (fit.output_extents[i].is_padded()) {
      RLX_ASSIGN(memory, rooms->buffer(room, inputs.size() + i, fit.outputs[i].bytes));
    }
    fit.outputs[i].set(room.outputs[i], memory);
  }
  RLX_TRY(compiled.body()->run_bound(room.inputs, room.outputs, options));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Extents& extents = fit.output_extents[i];
    if (extents.is_padded())
      copy_front(static_cast<const std::byte*>(room.outputs[i].host), extents.whole, static_cast<std::byte*>(room.results[i].host), extents.real,
                 width(fit.outputs[i]));
  }
  return {};
}

/// `fit`: null for a run in the variant of the shape itself.
void Buckets::Body::count_run(const BucketShape& shape, const BucketFit* fit) {
  const std::lock_guard lock(mutex);
  ++counters.runs;
  counters.input_elements += shape.elements;
  if (!fit) {
    ++counters.exact;
    return;
  }
  counters.padded_elements += fit->padding;
  ++counters.by_bucket[fit->text];
  if (fit->bucket != shape.smallest) ++counters.larger;
}

Status Buckets::Body::run_on(BucketShape& shape, BucketRoom& room, std::span<const NamedMutableView> results, const CallOptions& options) {
  if (!resolve(shape.outputs, results, room.results.data())) return explain("output", results, shape.manifest.outputs);
  if (serve_larger && pipeline.contains(from, shape.sizes)) {
    RLX_ASSIGN(const CompiledGraph compiled, pipeline.get_or_compile(from, shape.sizes, {{}, options}));
    RLX_TRY(compiled.body()->run_bound(room.given, room.results, options));
    count_run(shape, nullptr);
    return {};
  }
  RLX_ASSIGN(const std::shared_ptr<const BucketFit> fit, choose(shape));
  RLX_TRY(run_padded(shape, *fit, room, options));
  if (serve_larger) compile_behind(shape.sizes);
  count_run(shape, fit.get());
  return {};
}

Status Buckets::Body::run_into(std::span<const NamedView> given, std::span<const NamedMutableView> results, const CallOptions& options) {
  const BucketRooms::Lease room(*rooms);
  RLX_ASSIGN(const std::shared_ptr<BucketShape> shape, shape_of(given, *room));
  return run_on(*shape, *room, results, options);
}

Result<std::vector<NamedTensor>> Buckets::Body::run(std::span<const NamedView> given, const CallOptions& options) {
  const BucketRooms::Lease room(*rooms);
  RLX_ASSIGN(const std::shared_ptr<BucketShape> shape, shape_of(given, *room));
  RLX_ASSIGN(std::vector<NamedTensor> results, make_outputs(shape->manifest));
  std::vector<NamedMutableView> views;
  for (NamedTensor& result : results) views.push_back({result.name, result.tensor.mutable_view()});
  RLX_TRY(run_on(*shape, *room, views, options));
  return results;
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
  changed->notify_all();
}

Result<Buckets> Buckets::create(ModelCompilePipeline& pipeline, const Template& from, const BucketOptions& options) {
  return entry([&]() -> Result<Buckets> {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    if (!pipeline.device().body()) return fail(ErrorCode::kInvalidArgument, "the pipeline is empty: make one with ModelCompilePipeline::create");
    RLX_ASSIGN(Ladders ladders, Ladders::make(options.ladders, from.manifest()));
    RLX_TRY(check_constraints(*from.body()->graph, ladders));
    RLX_ASSIGN(PaddedGraph padded, pad_symbols(*from.body()->graph, ladders.symbols()));
    Buckets buckets;
    buckets.body_ = std::make_shared<Body>(pipeline, from, std::move(ladders), std::move(padded), options.serve_larger);
    return buckets;
  });
}

Result<std::vector<NamedTensor>> Buckets::run(std::span<const NamedView> inputs, const CallOptions& options) const {
  return entry([&]() -> Result<std::vector<NamedTensor>> {
    if (!body_) return no_buckets();
    return body_->run(inputs, options);
  });
}

Status Buckets::run_into(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options) const {
  return entry([&]() -> Status {
    if (!body_) return no_buckets();
    return body_->run_into(inputs, outputs, options);
  });
}

Result<Binding> Buckets::bucket_of(const Binding& shape) const {
  return guard([&]() -> Result<Binding> {
    if (!body_) return no_buckets();
    RLX_TRY(check_binding(body_->graph(), shape));
    return body_->ladders.smallest(shape);
  });
}

std::vector<Binding> Buckets::buckets(const Binding& rest) const { return body_ ? body_->ladders.all(rest) : std::vector<Binding>(); }
const Template& Buckets::padded() const { return body_ ? body_->larger : nothing<Template>(); }

BucketCounters Buckets::counters() const {
  return look([&]() -> BucketCounters {
    if (!body_) return {};
    const std::lock_guard lock(body_->mutex);
    return body_->counters;
  });
}

void Buckets::wait() const {
  if (!body_ || ::getpid() != body_->owner) return;
  const InsideRuntime inside;
  std::unique_lock lock(body_->mutex);
  body_->changed->wait(lock, [&] { return body_->compiling == 0; });
}

}  // namespace rlx
