// SPDX-License-Identifier: Apache-2.0
// Components: a part of a model (an encoder, a prefill, a decode step) at one set of sizes, with how it is to be compiled,
// as one value with a key that is the same on every machine and in every run.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <cstdint>
#include <string>

namespace rlx {

/// 128 bits that name a component; the low half is a good 64-bit key. XXH3 over canonical bytes.
struct RLX_API ComponentKey {
  std::uint64_t low = 0, high = 0;
  std::string to_string() const;  ///< 32 hex digits, high word first
  bool operator==(const ComponentKey&) const = default;
};

/// Which part of a generative model; an encoder has one.
enum class Phase { kEncoder, kPrefill, kDecode };

/// A phase and the size of every symbol of its template.
struct RLX_API ModelVariant {
  Phase phase = Phase::kEncoder;
  Binding sizes;
  static ModelVariant encoder(std::int64_t batch, std::int64_t seq);   ///< symbols "batch", "seq"
  static ModelVariant prefill(std::int64_t batch, std::int64_t seq);   ///< symbols "batch", "seq"
  static ModelVariant decode(std::int64_t batch, std::int64_t past);   ///< symbols "batch", "past_seq"
  /// The same with another symbol's size.
  ModelVariant with(std::string symbol, std::int64_t size) const;
  ComponentKey key() const;
};

/// When a component is made ready; it says nothing of what is made, so it is in no key.
enum class CompileMode {
  kLazy,   ///< weights may come later
  kEager,  ///< kUnsetParam where a weight is missing: what comes back runs at once
};

struct RLX_API ModelComponent {
  std::string name;      ///< of the model
  ModelVariant variant;
  Dispatch dispatch = Dispatch::kPreferNative;
  CompileMode mode = CompileMode::kLazy;
  std::string profile;          ///< the caller's words for what `build` makes: "long context", ...
  std::string quantisation;     ///< ... and "int8 weights"
  std::uint64_t composition = 0;  ///< of the parts that it belongs to; the caller's
  /// Of everything but the mode.
  ComponentKey key() const;
  /// Of what decides the template: all but mode and sizes. Templates of components go by "component KEY".
  ComponentKey template_key() const;
};

/// The variant of a component, from the cache or made now, on a fresh pipeline too: `build` makes the model of this
/// component where its template is not there. `options.dispatch` is the component's. The manifest is the graph's.
/// Errors: those of ensure_template and get_or_compile; kUnsetParam for mode kEager.
RLX_API Result<CompiledGraph> get_or_compile_component(ModelCompilePipeline& pipeline, const ModelComponent& component,
                                                       const ModelCompilePipeline::Build& build, CompileOptions options = {});

/// The manifest with numbers of a component; compiles nothing. Errors: those of ensure_template; kUnboundSymbol and others
/// of the binding.
RLX_API Result<BindingManifest> binding_manifest_for_component(ModelCompilePipeline& pipeline, const ModelComponent& component,
                                                               const ModelCompilePipeline::Build& build, CompileOptions options = {});

}  // namespace rlx
