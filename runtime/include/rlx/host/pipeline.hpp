// SPDX-License-Identifier: Apache-2.0
// From model to answer: a template once, a variant per shape, weights held once. ModelCompilePipeline keeps templates and
// variants of one device; CompiledGraph is a variant that runs.
#pragma once

#include <rlx/host/aot.hpp>
#include <rlx/host/bound_run.hpp>
#include <rlx/host/call.hpp>
#include <rlx/host/model.hpp>
#include <rlx/host/options.hpp>
#include <rlx/host/params.hpp>
#include <rlx/host/result.hpp>
#include <rlx/host/runtime.hpp>
#include <rlx/host/tensor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// Symbol -> size.
using Binding = std::map<std::string, std::int64_t, std::less<>>;

/// One tensor of a manifest. Symbolic manifests have sizes with expressions, numeric ones numbers only.
struct ManifestEntry {
  std::string name;
  DType dtype = DType::kNone;
  Sizes dims;
  std::uint64_t bytes = 0;  ///< 0 while a dim is open
};

/// What a model takes, holds and gives, in order.
struct RLX_API BindingManifest {
  std::vector<ManifestEntry> inputs, params, outputs;
  std::vector<ManifestEntry> states;  ///< what an ExecutionContext holds; no inputs, no outputs
  /// The i64 that says how far the states are filled: a context gives it, adds `step` at every run, and refuses to pass
  /// `capacity`.
  struct Length {
    std::string name;
    Size step = 0, capacity = 0;
  };
  std::optional<Length> length;
  struct Symbol {
    std::string name;
    std::int64_t least, greatest;
    bool operator==(const Symbol&) const = default;
  };
  std::vector<Symbol> symbols;           ///< of symbolic manifests
  std::vector<std::string> constraints;  ///< for a person
  std::string to_text() const;
  /// What `other` has otherwise, one line each: "- input x: f32[2, 4]", "+ …", "~ param w: f32[4] -> f32[8]"; empty where
  /// they are equal.
  std::string diff(const BindingManifest& other) const;
  struct WeightBlock {
    std::string name;        ///< the params' names up to the first dot
    std::size_t params = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<WeightBlock> weight_blocks() const;  ///< by name
};

/// What became of the ops of one compile.
struct RLX_API DispatchReport {
  std::size_t native = 0;    ///< ops that run in the backend's own kernels
  std::size_t expanded = 0;  ///< composites that were inlined
  std::size_t copies = 0;    ///< copies inserted because a claim refused the strides
  std::vector<std::string> notes;  ///< one line per expanded composite, with the backend's reason
  std::string to_text() const;
  std::string to_json() const;  ///< schema "rlx.dispatch/1"
};

/// What fusing made of a model, whatever the device.
struct RLX_API FusionReport {
  struct Fused {
    std::string op;          ///< kind of composite
    std::size_t count = 0;   ///< in the template
    std::size_t written = 0; ///< of that kind in the model as it came
  };
  struct Missed {
    std::string pattern;  ///< "linear", "linear epilogue", "residual norm", "elementwise"
    std::string node;     ///< what was left
    std::string reason;
  };
  std::vector<Fused> fused;   ///< by name
  std::vector<Missed> missed; ///< in the graph's order; empty where fusing is off
  std::size_t nodes_before = 0, nodes_after = 0;
  std::string to_text() const;
  std::string to_json() const;  ///< schema "rlx.fusion/1"
};

/// Where the time of a compile went, in microseconds.
struct CompileTimes {
  double specialize_us = 0, compile_us = 0, prepare_us = 0;
};

class ContextBody;
class ExecutionContext;
class TemplateBody;
class VariantBody;

/// A model after lowering and fusion, symbols open, with its weights on the device of the pipeline that built it. Cheap to
/// copy; its graph never changes; usable from any thread.
class RLX_API Template {
 public:
  Template() = default;
  explicit Template(std::shared_ptr<TemplateBody> body) : body_(std::move(body)) {}
  const std::string& name() const;
  const BindingManifest& manifest() const;
  /// 32 hex digits: names the optimised graph; the same on every machine.
  std::string hash() const;
  const CompileOptions& options() const;  ///< as completed for the device
  FusionReport fusion_report() const;
  /// Kinds of ops in the optimised graph with how often they occur, by name; regions are not looked into.
  std::map<std::string, std::size_t> op_counts() const;
  /// Text of a stage: "hir", "mir", or the name of a pass for the graph after it. Errors: kUnknownName.
  Result<std::string> dump(std::string_view stage) const;
  /// Stages that dump() knows, in order.
  std::vector<std::string> stages() const;
  /// The binding that these input shapes imply. Errors: kMissingInput, kUnknownName, kWrongDtype, kWrongShape,
  /// kSymbolConflict (both tensors named), kUnboundSymbol.
  Result<Binding> bind(std::span<const NamedView> inputs) const;
  /// The weights of this template on this device: what every variant runs with unless a call names another set.
  ParamSet params() const;
  /// A set over them, for an adapter: set what differs, and pass it in CallOptions::params.
  Result<ParamSet> derive_params() const;
  const std::shared_ptr<TemplateBody>& body() const { return body_; }

 private:
  std::shared_ptr<TemplateBody> body_;
};

/// A template at one binding: the LIR image and its manifest.
struct Specialized {
  Binding binding;
  BindingManifest manifest;
  std::shared_ptr<const void> keepalive;
  std::span<const std::byte> image;  ///< lives as long as keepalive
  std::string graph_hash;            ///< 32 hex digits
  DispatchReport report;
  double specialize_us = 0;
  std::string template_hash;         ///< of the template it came from; compile_lir takes no other
};

/// A compiled variant with its weights. Cheap to copy; usable from many threads (runs of one variant take contexts from
/// a pool). The weights belong to (template, device): set_param changes them for every variant from its next run on.
class RLX_API CompiledGraph {
 public:
  CompiledGraph() = default;
  explicit CompiledGraph(std::shared_ptr<VariantBody> body) : body_(std::move(body)) {}

  const BindingManifest& manifest() const;  ///< numbers only
  const Binding& binding() const;
  const DispatchReport& report() const;
  const CompileTimes& times() const;
  std::uint64_t arena_bytes() const;
  std::span<const std::byte> image() const;  ///< the LIR image; lives as long as the graph

  /// Takes effect at the next run, whole. The view's bytes are copied unless `keepalive` says who holds them.
  /// Errors: kUnknownName (nearest first), kWrongDtype, kWrongShape, kWrongSize.
  Status set_param(std::string_view name, const TensorView& value, std::shared_ptr<const void> keepalive = nullptr);
  /// Names of params without weights.
  std::vector<std::string> unset_params() const;
  /// The weights of the template that this is a variant of.
  ParamSet params() const;

  /// Runs on inputs by name, in any order; allocates the outputs.
  /// Errors: kMissingInput, kUnknownName, kDuplicateName, kWrongDtype, kWrongShape, kWrongSize, kUnsetParam, kDataError,
  /// kCancelled, kDeadline, kBackendError; kInvalidArgument for params of another template. After an error the next valid
  /// run gives the same bits as ever.
  Result<std::vector<NamedTensor>> run(std::span<const NamedView> inputs, const CallOptions& options = {}) const;
  /// The same into the caller's memory. Inputs and outputs in any order, each named once; quickest in the manifest's order.
  /// Allocates nothing and takes no lock once as many runs at a time have been made before.
  Status run_into(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs, const CallOptions& options = {}) const;
  /// Checks names, dtypes and shapes once, for many calls on the same memory. Errors: those of run_into before it runs.
  Result<BoundRun> bind(std::span<const NamedView> inputs, std::span<const NamedMutableView> outputs) const;

  /// States of their own, zero, for this graph and every variant of its template whose states have the same dims; include
  /// rlx/host/context.hpp. A model with states runs on a context only; one without has no use for one.
  /// Errors: kOutOfMemory; kInvalidArgument where the model has no states.
  Result<ExecutionContext> create_context() const;
  const std::shared_ptr<VariantBody>& body() const { return body_; }

 private:
  std::shared_ptr<VariantBody> body_;
};

struct PipelineOptions {
  std::size_t capacity = 64;      ///< most variants kept; at least 1
  std::uint64_t byte_budget = 0;  ///< of what the variants hold (images, code; no weights, no arenas); 0 = no limit
  AotOptions aot = {};            ///< variants on disk, as use_aot; off while its folder is empty
};

struct GetOptions {
  /// A name of the caller's own for (template, binding). It stands for that pair as long as the pipeline lives.
  std::optional<std::uint64_t> user_key = {};
  /// Deadline and token hold before and during compiling and packing; whoever waits for the same variant is not stopped
  /// with the caller that makes it.
  CallOptions call = {};
};

struct CacheCounters {
  std::uint64_t hits = 0, misses = 0, evictions = 0;
  std::uint64_t compiles = 0;        ///< variants made or tried
  std::uint64_t failures = 0;        ///< of those, such as gave an error; they are not kept
  std::uint64_t shared = 0;          ///< of those, such as found their executable alive under the true key
  double compile_us = 0;
  std::uint64_t resident_bytes = 0;  ///< images and code of the variants kept, shared code once
  /// Misses by reason: "new-template"; "new-graph" and "options": the name was asked for with another; "new-shape";
  /// "evicted"; "failed": the last attempt gave an error.
  std::map<std::string, std::uint64_t> miss_reasons;
};

struct PipelineMemory {
  std::uint64_t source_bytes = 0;  ///< weights as given (mapped or copied), held once
  std::uint64_t packed_bytes = 0;  ///< packed forms of the newest set's own, shared by every variant
  std::uint64_t shared_bytes = 0;  ///< sources and packs that the newest set shares with the one before
  std::uint64_t arena_bytes = 0;   ///< pooled
  std::size_t variants = 0;
};

/// The function that makes a model, for ensure_template. What it captures may change between two calls and cannot be seen,
/// so one with captures is run again for a known name; a plain function, or a lambda without captures, only where another is known.
class ModelBuild {
 public:
  ModelBuild(std::nullptr_t) {}
  template <class F, class D = std::decay_t<F>>
    requires(!std::is_same_v<D, ModelBuild> && std::is_invocable_r_v<Result<Model>, D&>)
  ModelBuild(F&& build) : make_(std::forward<F>(build)), code_alone_(std::is_empty_v<D> || std::is_pointer_v<D>) {}

  /// The caller's word that under one name the captures are the same too: not run again for a known name (but in debug
  /// builds), like a function without captures.
  ModelBuild with_captures_named() const {
    ModelBuild named = *this;
    named.code_alone_ = true;
    return named;
  }

  explicit operator bool() const { return static_cast<bool>(make_); }
  Result<Model> operator()() const { return make_(); }
  /// Whether both are known to make the same model.
  bool same_as(const ModelBuild& other) const {
    if (!code_alone_ || !other.code_alone_ || make_.target_type() != other.make_.target_type()) return false;
    using Plain = Result<Model> (*)();
    const auto *mine = make_.target<Plain>(), *theirs = other.make_.target<Plain>();
    return !mine || *mine == *theirs;
  }

 private:
  std::function<Result<Model>()> make_;
  bool code_alone_ = false;
};

/// Templates and variants of one device. Usable from many threads; keeps at most `capacity` variants within the byte budget
/// (the newest in any case); least recently used ones go first, those in use survive.
class RLX_API ModelCompilePipeline {
 public:
  /// Errors: kInvalidArgument for capacity 0.
  static Result<ModelCompilePipeline> create(Device device, std::size_t capacity = 64);
  static Result<ModelCompilePipeline> create(Device device, const PipelineOptions& options);

  using Build = ModelBuild;
  /// Lowers and optimises; asks no device.
  Result<Template> build_template(std::string name, const Model& model, const CompileOptions& options = {});
  /// The template of that name and these options, built on first use. A name that stands for another graph is an error
  /// (kDuplicateName, both named): any function but the one that is known to make this model is run and the texts are compared,
  /// as is one with captures (see ModelBuild); in debug builds every one is. Keep the template to ask without a build.
  Result<Template> ensure_template(std::string name, const Build& build, const CompileOptions& options = {});
  bool has_template(std::string_view name) const;
  /// The one of that name that was made last. Errors: kUnknownName.
  Result<Template> template_result(std::string_view name) const;
  Result<BindingManifest> template_binding_manifest(std::string_view name) const;

  /// Binds, infers, checks, asks the device, plans. Errors: kUnboundSymbol, kUnknownSymbol, kSymbolOutOfRange,
  /// kConstraintViolated, kUnsupportedOps (all of them listed).
  Result<Specialized> specialize_template(const Template& from, const Binding& binding);
  /// The same, from the folder of use_aot or the package of the model where one of them has it; what is made is kept in the
  /// folder. Without either as specialize_template.
  Result<Specialized> get_or_specialize_aot(const Template& from, const Binding& binding);
  /// From now on misses look into a folder of variants, and keep there what they made; get_or_compile also the device code,
  /// where the backend has `rlx.artifact/1`. Errors: kInvalidArgument for an
  /// empty folder (unless package_code alone is asked for) or a budget of 0; nothing is read or written yet.
  Status use_aot(AotOptions options);
  AotCounters aot_counters() const;
  /// Compiles what specialize_template returned, outside the cache.
  Result<CompiledGraph> compile_lir(const Template& from, const Specialized& specialized, const CallOptions& options = {});
  /// The variant from the cache, or specialized and compiled now; one compile however many threads ask.
  /// Errors: those of specialize_template and of the backend, which are not remembered; kInvalidArgument for a user key
  /// that stands for another template or binding (both are named); kCancelled, kDeadline.
  Result<CompiledGraph> get_or_compile(const Template& from, const Binding& binding, const GetOptions& options = {});
  Result<BindingManifest> binding_manifest_for_binding(const Template& from, const Binding& binding);

  // Calls that cannot fail give zeros in a child that was forked while another thread was inside the runtime.
  bool contains(const Template& from, const Binding& binding) const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  CacheCounters counters() const;
  /// Drops every variant that is kept; those in use live on with their users. Returns how many. Weights stay.
  std::size_t clear();
  /// Forgets the templates of that name, whatever their options, and drops the variants that run on their weights. These go
  /// with the last Template, graph or other handle of them. Returns how many templates there were.
  std::size_t remove_template(std::string_view name);
  PipelineMemory memory() const;
  const Device& device() const;

 private:
  struct Body;
  std::shared_ptr<Body> body_;
};

struct BucketOptions;

/// The short way: one model on one device, any shape; the binding comes from the inputs.
class RLX_API Session {
 public:
  /// Errors: those of build_template.
  static Result<Session> compile(Device device, const Model& model, const CompileOptions& options = {});
  /// The same with ladders (rlx/host/buckets.hpp): runs are padded to them. Errors: those of Buckets::create too.
  static Result<Session> compile(Device device, const Model& model, const CompileOptions& options, const BucketOptions& buckets);
  /// Runs at whatever shape the inputs have. Errors: those of Template::bind, get_or_compile and CompiledGraph::run.
  Result<std::vector<NamedTensor>> run(std::span<const NamedView> inputs, const CallOptions& options = {});
  const Template& model_template() const;
  ModelCompilePipeline& pipeline();

 private:
  struct Body;
  std::shared_ptr<Body> body_;
};

}  // namespace rlx
