// SPDX-License-Identifier: Apache-2.0
// Keys of components, and components from a pipeline.
#include <rlx/host/component.hpp>

#include "runtime/base/check.h"
#include "runtime/base/hash.h"

namespace rlx {
namespace {

constexpr std::string_view kPhases[] = {"encoder", "prefill", "decode"};
constexpr std::string_view kDispatches[] = {"prefer_native", "force_common", "force_native"};

template <class Enum, std::size_t kCount>
std::string_view name_of(Enum value, const std::string_view (&names)[kCount]) {
  const auto index = static_cast<std::size_t>(value);
  return index < kCount ? names[index] : std::string_view("?");
}

std::string keyed(std::string_view name, std::string_view value) { return join(name, "=", value.size(), ":", value, "\n"); }

ComponentKey key_of(const std::string& canonical) {
  const Hash128 hash = hash_bytes({reinterpret_cast<const std::byte*>(canonical.data()), canonical.size()});
  return {hash.low, hash.high};
}

std::string sizes_text(const Binding& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += keyed("symbol", name) + keyed("size", std::to_string(size));
  return text;
}

std::string template_text(const ModelComponent& component) {
  return keyed("name", component.name) + keyed("phase", name_of(component.variant.phase, kPhases)) +
         keyed("dispatch", name_of(component.dispatch, kDispatches)) + keyed("profile", component.profile) +
         keyed("quantisation", component.quantisation) + keyed("composition", std::to_string(component.composition));
}

Result<Template> template_of(ModelCompilePipeline& pipeline, const ModelComponent& component, const ModelCompilePipeline::Build& build,
                             CompileOptions& options) {
  options.dispatch = component.dispatch;
  return pipeline.ensure_template("component " + component.template_key().to_string(), build.with_captures_named(), options);
}

}  // namespace

std::string ComponentKey::to_string() const { return hex({low, high}); }

ModelVariant ModelVariant::encoder(std::int64_t batch, std::int64_t seq) { return {Phase::kEncoder, {{"batch", batch}, {"seq", seq}}}; }
ModelVariant ModelVariant::prefill(std::int64_t batch, std::int64_t seq) { return {Phase::kPrefill, {{"batch", batch}, {"seq", seq}}}; }
ModelVariant ModelVariant::decode(std::int64_t batch, std::int64_t past) { return {Phase::kDecode, {{"batch", batch}, {"past_seq", past}}}; }

ModelVariant ModelVariant::with(std::string symbol, std::int64_t size) const {
  ModelVariant other = *this;
  other.sizes[std::move(symbol)] = size;
  return other;
}

ComponentKey ModelVariant::key() const {
  return key_of("rlx.variant/1\n" + keyed("phase", name_of(phase, kPhases)) + sizes_text(sizes));
}

ComponentKey ModelComponent::key() const { return key_of("rlx.component/1\n" + template_text(*this) + sizes_text(variant.sizes)); }
ComponentKey ModelComponent::template_key() const { return key_of("rlx.component.template/1\n" + template_text(*this)); }

Result<CompiledGraph> get_or_compile_component(ModelCompilePipeline& pipeline, const ModelComponent& component,
                                               const ModelCompilePipeline::Build& build, CompileOptions options) {
  return guard([&]() -> Result<CompiledGraph> {
    RLX_ASSIGN(const Template from, template_of(pipeline, component, build, options));
    RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(from, component.variant.sizes));
    if (component.mode == CompileMode::kLazy) return graph;
    std::string unset;
    for (const std::string& name : graph.unset_params()) unset += join(unset.empty() ? "" : ", ", name);
    if (!unset.empty()) return fail(ErrorCode::kUnsetParam, "component `", component.name, "` is eager and these have no weights: ", unset);
    return graph;
  });
}

Result<BindingManifest> binding_manifest_for_component(ModelCompilePipeline& pipeline, const ModelComponent& component,
                                                       const ModelCompilePipeline::Build& build, CompileOptions options) {
  return guard([&]() -> Result<BindingManifest> {
    RLX_ASSIGN(const Template from, template_of(pipeline, component, build, options));
    return pipeline.binding_manifest_for_binding(from, component.variant.sizes);
  });
}

}  // namespace rlx
