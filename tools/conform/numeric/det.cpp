// SPDX-License-Identifier: Apache-2.0
// DET-03 and DET-04: many runs of one context on other data in the same memory, each beside the reference.
#include <rlx/ops.h>

#include <cstdlib>

#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/scenes.h"
#include "tools/conform/shared/scenes.h"

namespace rlx::conform {
namespace {

std::uint64_t count_of(const Dims& dims) {
  std::uint64_t count = 1;
  for (const Dim& dim : dims) count *= static_cast<std::uint64_t>(dim.number());
  return count;
}

std::string fill_of(const SceneInfo& scene, DType dtype, const Dims& dims, Random& random) {
  if (scene.exact || !is_float(dtype)) return fill_whole(dtype, count_of(dims), random);
  return fill_uniform(dtype, count_of(dims), -2, 2, random);
}

/// Image and params of a scene, and one step of data.
Result<NumericCase> case_of(const std::string& name, Random& random) {
  const SceneInfo* scene = find_scene(name);
  if (!scene) return fail(ErrorCode::kInvalidArgument, "no scene `", name, "`");
  NumericCase made;
  for (const auto& [each, builder] : scene_builders()) {
    if (each != name) continue;
    RLX_ASSIGN(const lir::Image image, builder.image());
    made.images.push_back(bytes_of(image));
    const lir::Module module = builder.module();
    made.params.resize(module.params.size());
    for (const lir::ParamRef& param : module.params) made.params[param.set_index] = fill_of(*scene, param.dtype, param.dims, random);
    NumericStep step;
    for (const lir::Io& input : module.inputs) {
      const lir::Value& value = module.values[input.value];
      step.inputs.push_back(fill_of(*scene, value.dtype, value.dims, random));
    }
    made.steps.push_back(std::move(step));
  }
  if (scene->exact) made.compare.most = 0;
  return made;
}

bool has_inputs(const std::string& name) { return name != "iota" && name != "linear_no_terms"; }

std::vector<std::string> perturbed_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const std::string& name : claimed_scenes(facts, effort > 0, false))
    if (has_inputs(name)) keys.push_back(name);
  return keys;
}

/// Every step has one element of one input swapped for another that the input's dtype has; the first run comes back last.
Result<NumericCase> make_perturbed(const std::string& key, std::uint64_t seed, const Facts&) {
  Random random(seed);
  RLX_ASSIGN(NumericCase made, case_of(key, random));
  const NumericStep first = made.steps[0];
  for (int turn = 0; turn < 10; ++turn) {
    NumericStep step = made.steps.back();
    std::vector<std::size_t> full;
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (!step.inputs[i].empty()) full.push_back(i);
    if (full.empty()) return fail(ErrorCode::kInvalidArgument, "the scene `", key, "` has no element to change");
    const std::size_t i = full[random.below(full.size())];
    RLX_ASSIGN(const NumericCase other, case_of(key, random));
    const std::string& fresh = other.steps[0].inputs[i];
    std::string& bytes = step.inputs[i];
    const std::size_t width = fresh.size() % 8 == 0 ? 8 : fresh.size() % 4 == 0 ? 4 : 1;  // whole elements of any dtype, two at most of f32
    const std::size_t at = random.below(bytes.size() / width) * width;
    bytes.replace(at, width, fresh, at, width);
    made.steps.push_back(std::move(step));
  }
  made.steps.push_back(first);
  return made;
}

std::vector<std::string> drift_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const char* name : {"chain", "linear", "softmax", "gather", "attention"}) {
    if (!effort && keys.size() == 2) break;
    if (scene_claimed(*find_scene(name), facts)) keys.push_back(std::string(name) + (effort ? "/200" : "/60"));
  }
  return keys;
}

Result<NumericCase> make_drift(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::size_t slash = key.find('/');
  Random random(seed);
  RLX_ASSIGN(NumericCase made, case_of(key.substr(0, slash), random));
  const std::size_t runs = slash < key.size() ? std::strtoul(key.c_str() + slash + 1, nullptr, 10) : 1;
  while (made.steps.size() < runs) {
    RLX_ASSIGN(NumericCase other, case_of(key.substr(0, slash), random));
    made.steps.push_back(std::move(other.steps[0]));
  }
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"DET-03", 4, "Where an input changes in a few bytes, in the same memory, exactly the results that depend on it change.", 300, perturbed_cases, make_perturbed},
    {"DET-04", 4, "The last of many runs on fresh data is as right as the first.", 1000, drift_cases, make_drift},
};

}  // namespace

std::span<const NumericCheck> det_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
