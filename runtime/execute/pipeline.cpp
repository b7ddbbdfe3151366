// SPDX-License-Identifier: Apache-2.0
// Templates by name, variants by (template, binding) from the variant cache.
#include <rlx/host/buckets.hpp>
#include <rlx/host/pipeline.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <mutex>
#include <optional>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/aot_cache.h"
#include "runtime/execute/compile_options.h"
#include "runtime/execute/empty_model.h"
#include "runtime/execute/entry.h"
#include "runtime/execute/lanes.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/nothing.h"
#include "runtime/execute/trace.h"
#include "runtime/execute/variant.h"
#include "runtime/execute/variant_cache.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

using Clock = std::chrono::steady_clock;
double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

struct NamedTemplate {
  Template made;
  std::uint64_t number = 0;     // the last one made is the one that goes by the bare name
  ModelBuild build = nullptr;  // seen to make this model
};

std::string short_hash(const std::string& text) {
  return hex(hash_bytes({reinterpret_cast<const std::byte*>(text.data()), text.size()})).substr(0, 8);
}

/// Errors: kInvalidArgument for a pipeline that create() did not make.
template <class Body>
Status check_made(const std::shared_ptr<Body>& body) {
  if (body) [[likely]] return {};
  return fail(ErrorCode::kInvalidArgument, "the pipeline is empty: make one with ModelCompilePipeline::create");
}

/// Errors: kDuplicateName; kInvalidArgument for an empty model.
Status check_same_model(const Template& known, const Model& model) {
  if (Status made = check_made(model); !made) return std::move(made).error().within(join("template `", known.name(), "`"));
  const std::string was = print(*known.body()->hir), is = model.to_text();
  if (was == is) return {};
  return fail(ErrorCode::kDuplicateName, "template `", known.name(), "` stands for model `", known.body()->hir->name, "` (", short_hash(was),
              ") and was asked for with model `", model.graph().name, "` (", short_hash(is), "); use another name");
}

/// The sizes of a binding in the order of the template's symbols.
class SizesInOrder {
 public:
  /// Errors: kUnboundSymbol, kUnknownSymbol.
  Status fill(const TemplateBody& from, const Binding& binding) {
    const std::vector<BindingManifest::Symbol>& symbols = from.manifest.symbols;  // sorted by name, as bindings are
    bool same = binding.size() == symbols.size();
    if (symbols.size() > few_.size()) many_.resize(symbols.size());
    std::int64_t* const sizes = symbols.size() > few_.size() ? many_.data() : few_.data();
    std::size_t at = 0;
    for (auto it = binding.begin(); same && it != binding.end(); ++it, ++at) {
      same = it->first == symbols[at].name;
      sizes[at] = it->second;
    }
    sizes_ = {sizes, at};
    if (same) return {};
    RLX_TRY(check_binding(*from.graph, binding));
    return fail(ErrorCode::kInternal, "a binding that passes its check has other symbols");
  }
  std::span<const std::int64_t> sizes() const { return sizes_; }

 private:
  std::array<std::int64_t, 8> few_;
  std::vector<std::int64_t> many_;
  std::span<const std::int64_t> sizes_;
};

}  // namespace

struct ModelCompilePipeline::Body {
  Body(Device device_in, const PipelineOptions& options)
      : device(std::move(device_in)), lanes(std::make_shared<LanePool>(device.body())), variants(options), aot(std::make_shared<AotCache>(AotOptions(), device.body()->sink())) {}

  ~Body() { lanes->wait_for_background(); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  Device device;
  std::shared_ptr<LanePool> lanes;
  ExecutableStore executables;
  VariantCache variants;
  mutable std::mutex mutex;
  std::map<std::string, NamedTemplate, std::less<>> templates;  // by name and options
  std::uint64_t templates_made = 0;
  std::shared_ptr<AotCache> aot;

  Result<CompiledGraph> compile(const Template& from, const Specialized& specialized, std::string_view reason, const CallScope& scope,
                                const VariantBody::MakeExecutable& make = Executable::compile);
  Result<CompiledGraph> compile_through(AotCache& kept, const Template& from, const AotVariant& variant, std::string_view reason,
                                        const CallScope& scope);
  void log_compile(const VariantBody& variant, std::string_view reason) const;

  std::shared_ptr<AotCache> kept() const {
    const std::lock_guard lock(mutex);
    return aot;
  }

  /// A template belongs to the device that built it: its specializer asked that device, its weights lie there.
  Status owns(const Template& from) const {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    if (from.body()->device == device.body()) return {};
    const DeviceReport &built_for = from.body()->device->report(), &here = device.report();
    if (built_for.device == here.device && built_for.plugin_id == here.plugin_id)
      return fail(ErrorCode::kInvalidArgument, "template `", from.name(), "` was built for ", here.device, " of ", here.plugin_id,
                  " of another opening of the device: use one Device object for both");
    return fail(ErrorCode::kInvalidArgument, "template `", from.name(), "` was built for ", built_for.device, " of ", built_for.plugin_id,
                "; this pipeline is for ", here.device, " of ", here.plugin_id);
  }
};

Result<CompiledGraph> ModelCompilePipeline::Body::compile(const Template& from, const Specialized& specialized, std::string_view reason, const CallScope& scope,
                                                         const VariantBody::MakeExecutable& make) {
  RLX_TRY(owns(from));
  if (specialized.template_hash != from.hash())
    return fail(ErrorCode::kInvalidArgument, "the specialized image is not of template `", from.name(), "`");
  RLX_ASSIGN(auto variant, VariantBody::compile(from.body(), specialized, lanes, executables, scope, make));
  if (from.body()->params->unset().empty()) RLX_TRY(variant->prepare(scope.call()));
  log_compile(*variant, reason);
  return CompiledGraph(std::move(variant));
}

/// Of a device with artifacts: a variant whose executable is alive in this process is stored without its code.
Result<CompiledGraph> ModelCompilePipeline::Body::compile_through(AotCache& kept, const Template& from, const AotVariant& variant,
                                                                 std::string_view reason, const CallScope& scope) {
  bool alive = true;
  const auto make = [&](const DeviceBody&, const CompileRequest& request) {
    alive = false;
    return kept.executable(*from.body(), variant, request);
  };
  Result<CompiledGraph> graph = compile(from, variant.specialized, reason, scope, make);
  if (graph && alive && !variant.stored) kept.store(*from.body(), variant.specialized);
  return graph;
}

void ModelCompilePipeline::Body::log_compile(const VariantBody& variant, std::string_view reason) const {
  const unsigned verbosity = variant.from().options.verbosity;
  if (verbosity == 0) return;
  const DeviceBody& to = *device.body();
  const auto us = [](double value) { return static_cast<std::uint64_t>(std::llround(value)); };
  const DispatchReport& report = variant.report();
  const CompileTimes& times = variant.times();
  std::string sizes;
  for (const auto& [name, size] : variant.binding()) sizes += join(" ", name, "=", size);
  to.log(LogLevel::kInfo, join("compiled `", variant.from().name, "`", sizes, " (", reason, ") for ", device.name(), ": ", report.native,
                               " native, ", report.expanded, " expanded, ", report.copies, " copies; specialize ", us(times.specialize_us),
                               variant.executable()->imported() ? " us, import " : " us, compile ", us(times.compile_us), " us, prepare ", us(times.prepare_us), " us; arena ",
                               variant.arena_bytes(), " bytes, code ", variant.executable()->info().code_bytes, " bytes"));
  if (verbosity == 1) return;
  for (const std::string& note : report.notes) to.log(LogLevel::kInfo, "  " + note);
  for (const MissedFusion& missed : variant.from().missed)
    to.log(LogLevel::kInfo, join("  missed ", missed.pattern, " at ", missed.node, ": ", missed.reason));
}

Result<ModelCompilePipeline> ModelCompilePipeline::create(Device device, std::size_t capacity) {
  return create(std::move(device), PipelineOptions{capacity, 0, {}});
}

Result<ModelCompilePipeline> ModelCompilePipeline::create(Device device, const PipelineOptions& options) {
  return entry([&]() -> Result<ModelCompilePipeline> {
    if (options.capacity == 0) return fail(ErrorCode::kInvalidArgument, "capacity is 0, wanted 1 or more variants");
    if (!device.body()) return fail(ErrorCode::kInvalidArgument, "no device: open one with Runtime::device");
    ModelCompilePipeline pipeline;
    pipeline.body_ = std::make_shared<Body>(std::move(device), options);
    if (!options.aot.folder.empty() || options.aot.package_code) RLX_TRY(pipeline.use_aot(options.aot));
    return pipeline;
  });
}

Result<Template> ModelCompilePipeline::build_template(std::string name, const Model& model, const CompileOptions& asked) {
  return entry([&]() -> Result<Template> {
    RLX_TRY(check_made(body_));
    RLX_ASSIGN(const CompileOptions options, complete_options(asked, *body_->device.body()));
    RLX_ASSIGN(auto body, TemplateBody::make(name, model, options, body_->device.body()));
    Template made(std::move(body));
    const std::lock_guard lock(body_->mutex);
    body_->templates[join(name, "\n", options_text(options))] = {made, ++body_->templates_made, nullptr};
    return made;
  });
}

Result<Template> ModelCompilePipeline::ensure_template(std::string name, const Build& build, const CompileOptions& asked) {
  return entry([&]() -> Result<Template> {
    RLX_TRY(check_made(body_));
    if (!build) return fail(ErrorCode::kInvalidArgument, "template `", name, "`: no function that makes the model");
    RLX_ASSIGN(const CompileOptions options, complete_options(asked, *body_->device.body()));
    const std::string key = join(name, "\n", options_text(options));
    std::optional<NamedTemplate> known;
    {
      const std::lock_guard lock(body_->mutex);
      const auto found = body_->templates.find(key);
      if (found != body_->templates.end()) known = found->second;
    }
#ifdef NDEBUG
    if (known && known->build.same_as(build)) return known->made;
#endif
    RLX_ASSIGN(const Model model, build());
    if (!known) {
      RLX_ASSIGN(auto body, TemplateBody::make(name, model, options, body_->device.body()));
      const std::lock_guard lock(body_->mutex);
      const auto [entry, fresh] = body_->templates.try_emplace(key, NamedTemplate{Template(std::move(body)), body_->templates_made + 1, build});
      if (fresh) ++body_->templates_made;
      known = entry->second;  // whoever came first stays
      if (fresh) return known->made;
    }
    RLX_TRY(check_same_model(known->made, model));
    const std::lock_guard lock(body_->mutex);
    if (const auto found = body_->templates.find(key); found != body_->templates.end()) found->second.build = build;
    return known->made;
  });
}

Result<Template> ModelCompilePipeline::template_result(std::string_view name) const {
  return entry([&]() -> Result<Template> {
    RLX_TRY(check_made(body_));
    const std::lock_guard lock(body_->mutex);
    std::vector<std::string> names;
    const NamedTemplate* last = nullptr;
    for (const auto& [key, each] : body_->templates) {
      if (each.made.name() != name)
        names.push_back(each.made.name());
      else if (!last || each.number > last->number)
        last = &each;
    }
    if (last) return last->made;
    return fail(ErrorCode::kUnknownName, "no template `", name, "`; ", did_you_mean(name, names));
  });
}

bool ModelCompilePipeline::has_template(std::string_view name) const { return template_result(name).has_value(); }

Result<BindingManifest> ModelCompilePipeline::template_binding_manifest(std::string_view name) const {
  RLX_ASSIGN(const Template found, template_result(name));
  return found.manifest();
}

Result<Specialized> ModelCompilePipeline::specialize_template(const Template& from, const Binding& binding) {
  return entry([&]() -> Result<Specialized> {
    RLX_TRY(check_made(body_));
    RLX_TRY(body_->owns(from));
    const TraceSpan span(body_->device.body()->trace(), "specialize", "compile");
    const auto begin = Clock::now();
    Specialized result;
    result.template_hash = from.hash();
    result.binding = binding;
    RLX_ASSIGN(const SpecializedImage made, from.body()->specializer->specialize(binding));
    RLX_ASSIGN(result.manifest, numeric_manifest(*from.body()->graph, binding));
    result.keepalive = made.image;
    result.image = made.image->bytes();
    RLX_ASSIGN(const lir::ImageHashes hashes, lir::image_hashes(result.image));
    result.graph_hash = hex(hashes.graph);
    result.report = {made.dispatch->native, made.dispatch->expanded, made.dispatch->copies, made.dispatch->notes};
    result.specialize_us = microseconds_since(begin);
    return result;
  });
}

namespace {

Result<AotVariant> load_or_specialize(ModelCompilePipeline& pipeline, AotCache& kept, const Template& from, const Binding& binding) {
  const auto begin = Clock::now();
  if (auto found = kept.load(*from.body(), binding)) {
    found->specialized.specialize_us = microseconds_since(begin);
    return *std::move(found);
  }
  AotVariant variant;
  RLX_ASSIGN(variant.specialized, pipeline.specialize_template(from, binding));
  return variant;
}

}  // namespace

Result<Specialized> ModelCompilePipeline::get_or_specialize_aot(const Template& from, const Binding& binding) {
  return entry([&]() -> Result<Specialized> {
    RLX_TRY(check_made(body_));
    RLX_TRY(body_->owns(from));
    const std::shared_ptr<AotCache> kept = body_->kept();
    RLX_ASSIGN(AotVariant variant, load_or_specialize(*this, *kept, from, binding));
    if (!variant.stored) kept->store(*from.body(), variant.specialized);
    return std::move(variant.specialized);
  });
}

Status ModelCompilePipeline::use_aot(AotOptions options) {
  return entry([&]() -> Status {
    RLX_TRY(check_made(body_));
    if (options.folder.empty() && !options.package_code) return fail(ErrorCode::kInvalidArgument, "no folder to keep variants in");
    if (options.budget_bytes == 0) return fail(ErrorCode::kInvalidArgument, "the budget of `", options.folder, "` is 0 bytes, wanted 1 or more");
    auto aot = std::make_shared<AotCache>(std::move(options), body_->device.body()->sink());
    const std::lock_guard lock(body_->mutex);
    body_->aot = std::move(aot);
    return {};
  });
}

AotCounters ModelCompilePipeline::aot_counters() const {
  return look([&]() -> AotCounters {
    if (!body_) return {};
    const std::lock_guard lock(body_->mutex);
    return body_->aot->counters();
  });
}

Result<CompiledGraph> ModelCompilePipeline::compile_lir(const Template& from, const Specialized& specialized, const CallOptions& options) {
  return entry([&]() -> Result<CompiledGraph> {
    RLX_TRY(check_made(body_));
    const CallScope scope(options);
    RLX_TRY(scope.check("compile"));
    return body_->compile(from, specialized, "outside the cache", scope);
  });
}

Result<CompiledGraph> ModelCompilePipeline::get_or_compile(const Template& from, const Binding& binding, const GetOptions& options) {
  return entry([&]() -> Result<CompiledGraph> {
    RLX_TRY(check_made(body_));
    RLX_TRY(body_->owns(from));
    const CallScope scope(options.call);
    RLX_TRY(scope.check("compile"));
    SizesInOrder in_order;
    RLX_TRY(in_order.fill(*from.body(), binding));
    const VariantProbe probe(from.body(), in_order.sizes());
    if (auto found = body_->variants.hit(probe, options.user_key)) [[likely]]
      return *std::move(found);
    const auto make = [&](std::string_view reason) -> Result<CompiledGraph> {
      if (from.body()->device->handle().has_artifacts()) {
        const std::shared_ptr<AotCache> kept = body_->kept();
        RLX_ASSIGN(const AotVariant variant, load_or_specialize(*this, *kept, from, binding));
        return body_->compile_through(*kept, from, variant, reason, scope);
      }
      RLX_ASSIGN(const Specialized specialized, get_or_specialize_aot(from, binding));
      return body_->compile(from, specialized, reason, scope);
    };
    return body_->variants.get_or_make(probe, options.user_key, scope, make);
  });
}

Result<BindingManifest> ModelCompilePipeline::binding_manifest_for_binding(const Template& from, const Binding& binding) {
  return guard([&]() -> Result<BindingManifest> {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    RLX_TRY(check_binding(*from.body()->graph, binding));
    return numeric_manifest(*from.body()->graph, binding);
  });
}

bool ModelCompilePipeline::contains(const Template& from, const Binding& binding) const {
  return look([&] {
    SizesInOrder in_order;
    return body_ && from.body() && in_order.fill(*from.body(), binding) && body_->variants.contains({from.body(), in_order.sizes()});
  });
}

std::size_t ModelCompilePipeline::size() const {
  return look([&] { return body_ ? body_->variants.size() : 0; });
}
std::size_t ModelCompilePipeline::clear() {
  return look([&] { return body_ ? body_->variants.clear() : 0; });
}

std::size_t ModelCompilePipeline::remove_template(std::string_view name) {
  return look([&]() -> std::size_t {
    if (!body_) return 0;
    std::vector<Template> gone;  // let go of outside the lock
    {
      const std::lock_guard lock(body_->mutex);
      for (auto it = body_->templates.begin(); it != body_->templates.end();) {
        const bool named = it->second.made.name() == name;
        if (named) gone.push_back(std::move(it->second.made));
        it = named ? body_->templates.erase(it) : std::next(it);
      }
    }
    for (const Template& each : gone) body_->variants.drop(each.body()->params.get());
    return gone.size();
  });
}

CacheCounters ModelCompilePipeline::counters() const {
  return look([&] {
    if (!body_) return CacheCounters();
    CacheCounters counters = body_->variants.counters();
    counters.shared = body_->executables.found_alive();
    return counters;
  });
}

PipelineMemory ModelCompilePipeline::memory() const {
  return look([&] {
    PipelineMemory memory;
    if (!body_) return memory;
    memory.variants = size();
    memory.arena_bytes = body_->lanes->bytes();
    const std::lock_guard lock(body_->mutex);
    for (const auto& [key, each] : body_->templates) {
      const ParamUsage usage = each.made.body()->params->usage();
      memory.source_bytes += usage.source_bytes;
      memory.packed_bytes += usage.packed_bytes;
      memory.shared_bytes += usage.shared_bytes;
    }
    return memory;
  });
}

const Device& ModelCompilePipeline::device() const {
  return body_ ? body_->device : nothing<Device>();
}

struct Session::Body {
  ModelCompilePipeline pipeline;
  Template from;
  std::optional<Buckets> buckets = {};
};

Result<Session> Session::compile(Device device, const Model& model, const CompileOptions& options) {
  return guard([&]() -> Result<Session> {
    RLX_ASSIGN(ModelCompilePipeline pipeline, ModelCompilePipeline::create(std::move(device)));
    RLX_ASSIGN(Template from, pipeline.build_template("model", model, options));
    Session session;
    session.body_ = std::make_shared<Body>(Body{std::move(pipeline), std::move(from)});
    return session;
  });
}

Result<Session> Session::compile(Device device, const Model& model, const CompileOptions& options, const BucketOptions& buckets) {
  return guard([&]() -> Result<Session> {
    RLX_ASSIGN(Session session, compile(std::move(device), model, options));
    RLX_ASSIGN(session.body_->buckets, Buckets::create(session.body_->pipeline, session.body_->from, buckets));
    return session;
  });
}

Result<std::vector<NamedTensor>> Session::run(std::span<const NamedView> inputs, const CallOptions& options) {
  return guard([&]() -> Result<std::vector<NamedTensor>> {
    if (!body_ || !body_->from.body()) return fail(ErrorCode::kInvalidArgument, "the session is empty: make one with Session::compile");
    if (body_->buckets) return body_->buckets->run(inputs, options);
    RLX_ASSIGN(const Binding binding, body_->from.bind(inputs));
    RLX_ASSIGN(const CompiledGraph graph, body_->pipeline.get_or_compile(body_->from, binding, {{}, options}));
    return graph.run(inputs, options);
  });
}

const Template& Session::model_template() const {
  return body_ ? body_->from : nothing<Template>();
}
ModelCompilePipeline& Session::pipeline() {
  if (!body_) body_ = std::make_shared<Body>();  // an empty pipeline, which answers with errors
  return body_->pipeline;
}

}  // namespace rlx
