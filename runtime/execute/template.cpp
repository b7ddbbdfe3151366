// SPDX-License-Identifier: Apache-2.0
// Making a template, and what it says of itself.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/compile/pipeline.h"
#include "runtime/execute/compile_options.h"
#include "runtime/execute/empty_model.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/nothing.h"
#include "runtime/execute/package.h"
#include "runtime/execute/template_body.h"
#include "runtime/execute/trace.h"
#include "runtime/ir/text.h"

namespace rlx {
namespace {

/// Those that the params have; of two with one name the later one.
std::vector<ParamSource> known_weights(const Model& model, const ParamStore& params) {
  std::vector<ParamSource> weights;
  std::unordered_map<std::string_view, std::size_t> at;
  for (const ParamSource& weight : model.weights()) {
    if (!params.has(weight.name)) continue;
    const auto [known, fresh] = at.try_emplace(weight.name, weights.size());
    if (fresh) weights.push_back(weight);
    else weights[known->second] = weight;
  }
  return weights;
}

Hash128 text_hash(const std::string& text) { return hash_bytes({reinterpret_cast<const std::byte*>(text.data()), text.size()}); }

OptimizeOptions optimize_options(const CompileOptions& options) {
  OptimizeOptions result;
  result.fuse = options.fuse;
  result.fold_constants = options.fold_constants;
  result.remove_dead_code = options.remove_dead_code;
  return result;
}

Status check_missed(const TemplateBody& body) {
  if (!body.options.strict_fusion || body.missed.empty()) return {};
  std::string list;
  for (const MissedFusion& missed : body.missed)
    list += join(list.empty() ? "" : "; ", missed.pattern, " at ", missed.node, ": ", missed.reason);
  return fail(ErrorCode::kMissedFusion, "template `", body.name, "`: strict fusion: ", list);
}

Error empty_template() { return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template"); }

}  // namespace

Result<std::shared_ptr<TemplateBody>> TemplateBody::make(std::string name, const Model& model, const CompileOptions& options,
                                                         const std::shared_ptr<const DeviceBody>& device) {
  if (Status made = check_made(model); !made) return std::move(made).error().within(join("template `", name, "`"));
  const TraceSpan span(device->trace(), join("template ", name), "compile");
  auto body = std::make_shared<TemplateBody>();
  body->device = device;
  body->name = std::move(name);
  body->options = options;
  body->hir = std::make_shared<const Graph>(model.graph());
  auto graph = std::make_shared<Graph>(model.graph());
  OptimizeOptions optimizing = optimize_options(options);
  std::optional<TraceSpan> pass_span;
  if (device->trace())
    optimizing.observe = [&](std::string_view pass, bool begins) {
      pass_span.reset();
      if (begins) pass_span.emplace(device->trace(), pass, "pass");
    };
  if (const ModelOrigin* origin = model.origin().get(); origin && origin->fused != options.fuse)
    return fail(ErrorCode::kInvalidArgument, "template `", body->name, "`: the package holds ", origin->fused ? "a fused" : "an unfused",
                " graph, the options want the other");
  if (Status status = model.origin() ? Status() : optimize(*graph, optimizing); !status)
    return std::move(status).error().within(join("template `", body->name, "`"));
  body->hash = text_hash(print(*graph));
  body->identity = text_hash(join(body->name, "\n", hex(body->hash), "\n", options_text(options)));
  body->graph = graph;
  if (options.fuse) body->missed = missed_fusions(*graph);
  RLX_TRY(check_missed(*body));
  body->manifest = symbolic_manifest(*graph);
  body->specializer = std::make_unique<Specializer>(graph, DeviceBody::target(device, options.backend), specialize_options(options), body->hash);
  body->params = std::make_shared<ParamStore>(body->name, graph, device);
  RLX_TRY(body->params->stage(known_weights(model, *body->params)));
  body->origin = model.origin();
  if (model.origin()) body->params->offer(model.origin());
  return body;
}

const std::string& Template::name() const { return body_ ? body_->name : nothing<std::string>(); }
const BindingManifest& Template::manifest() const { return body_ ? body_->manifest : nothing<BindingManifest>(); }
const CompileOptions& Template::options() const { return body_ ? body_->options : nothing<CompileOptions>(); }
std::string Template::hash() const { return body_ ? hex(body_->hash) : std::string(); }

std::vector<std::string> Template::stages() const {
  std::vector<std::string> names = {"hir"};
  for (const Pass& pass : passes()) names.emplace_back(pass.name);
  names.emplace_back("mir");
  return names;
}

Result<std::string> Template::dump(std::string_view stage) const {
  return guard([&]() -> Result<std::string> {
    if (!body_) return empty_template();
    if (stage == "hir") return print(*body_->hir);
    if (stage == "mir") return print(*body_->graph);
    const std::vector<std::string> known = stages();
    if (std::find(known.begin(), known.end(), stage) == known.end())
      return fail(ErrorCode::kUnknownName, "no stage `", stage, "`; ", did_you_mean(stage, known, 64));
    Graph graph = *body_->hir;
    RLX_TRY(optimize(graph, optimize_options(body_->options), stage));
    return print(graph);
  });
}

ParamSet Template::params() const { return body_ ? ParamSet(body_->params) : ParamSet(); }

Result<ParamSet> Template::derive_params() const {
  if (!body_) return empty_template();
  return params().derive();
}

Result<Binding> Template::bind(std::span<const NamedView> inputs) const {
  return guard([&]() -> Result<Binding> {
    if (!body_) return empty_template();
    return bind_inputs(*body_->graph, inputs);
  });
}

}  // namespace rlx
