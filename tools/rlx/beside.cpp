// SPDX-License-Identifier: Apache-2.0
#include "beside.h"

#include <algorithm>
#include <filesystem>

#include "opened.h"

namespace rlx_tool {
namespace {

rlx::Result<rlx::CompiledGraph> compiled(rlx::ModelCompilePipeline& pipeline, const std::string& name, const rlx::Model& model, const rlx::Binding& binding,
                                         const std::vector<rlx::NamedTensor>& params, const rlx::CompileOptions& options) {
  auto made = pipeline.build_template(name, model, options);
  if (!made) return made.error();
  auto graph = pipeline.get_or_compile(*made, binding);
  if (!graph) return graph;
  for (const rlx::NamedTensor& param : params) {
    const auto& known = graph->manifest().params;
    if (std::none_of(known.begin(), known.end(), [&](const rlx::ManifestEntry& entry) { return entry.name == param.name; })) continue;
    if (auto status = graph->set_param(param.name, param.tensor.view()); !status) return status.error();
  }
  if (auto status = fill_params(*graph); !status) return status.error();
  return graph;
}

/// Beside this program: in lib/rlx/tools, where nobody looks for backends.
std::string reference_path() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  return (own.parent_path() / "../lib/rlx/tools/rlx_reference.so").lexically_normal().string();
}

}  // namespace

rlx::Result<Beside> Beside::open(rlx::Runtime& runtime, const std::string& device) {
  auto opened = runtime.device(device);
  if (!opened) return opened.error();
  rlx::RuntimeOptions alone;
  alone.plugin_paths = {reference_path()};
  alone.only_plugin_paths = true;
  auto reference_runtime = rlx::Runtime::discover(alone);
  if (!reference_runtime) return reference_runtime.error();
  auto reference = reference_runtime->device("reference");
  if (!reference) return std::move(reference.error()).within("the float64 reference, which is a plugin of its own");
  auto first = rlx::ModelCompilePipeline::create(*opened, 1);
  if (!first) return first.error();
  auto second = rlx::ModelCompilePipeline::create(*reference, 2);
  if (!second) return second.error();
  return Beside(std::move(*first), std::move(*second));
}

rlx::Result<std::vector<Compared>> Beside::run(const std::string& name, const rlx::Model& model, const rlx::Binding& binding,
                                               const std::vector<rlx::NamedTensor>& inputs, const std::vector<rlx::NamedTensor>& params) {
  std::vector<rlx::NamedView> views;
  for (const rlx::NamedTensor& input : inputs) views.push_back({input.name, input.tensor.view()});
  rlx::CompileOptions bounds_only;
  bounds_only.backend = {{"emit", "bound"}};
  std::vector<std::vector<rlx::NamedTensor>> results;
  const std::pair<rlx::ModelCompilePipeline*, rlx::CompileOptions> parts[] = {{&device_, {}}, {&reference_, {}}, {&reference_, bounds_only}};
  for (const auto& [pipeline, options] : parts) {
    const auto graph = compiled(*pipeline, name, model, binding, params, options);
    if (!graph) return graph.error();
    auto outputs = graph->run(views);
    if (!outputs) return outputs.error();
    results.push_back(std::move(*outputs));
  }
  std::vector<Compared> out;
  for (std::size_t i = 0; i < results[0].size(); ++i)
    out.push_back({results[0][i].name, results[0][i].tensor, results[1][i].tensor, distance_of(results[0][i].tensor, results[1][i].tensor, results[2][i].tensor)});
  return out;
}

}  // namespace rlx_tool
