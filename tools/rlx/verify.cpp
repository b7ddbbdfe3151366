// SPDX-License-Identifier: Apache-2.0
// rlx verify MODEL: runs a model on a device and on the float64 reference, and says of every output how much of its error
// bound the worst element uses.
#include "verify.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "inputs.h"
#include "json.h"
#include "npz.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;

/// Splits what a file gives into inputs and weights, by the names of the manifest.
rlx::Status take_file(const std::string& path, const rlx::BindingManifest& manifest, VerifyCase& out) {
  if (path.empty()) return {};
  auto read = read_npz(path);
  if (!read) return read.error();
  for (rlx::NamedTensor& each : *read) {
    const bool param = std::any_of(manifest.params.begin(), manifest.params.end(), [&](const rlx::ManifestEntry& entry) { return entry.name == each.name; });
    (param ? out.params : out.inputs).push_back(std::move(each));
  }
  return {};
}

nlohmann::json to_json(const Compared& compared) {
  const Distance& distance = compared.distance;
  nlohmann::json out = {{"name", compared.name}, {"elements", distance.elements}, {"past", distance.past}, {"loose", distance.loose}, {"where", distance.where},
                        {"expected", distance.expected}, {"got", distance.got}, {"bound", distance.bound}};
  // JSON has no infinity.
  out["worst"] = std::isfinite(distance.worst) ? nlohmann::json(distance.worst) : nlohmann::json(nullptr);
  return out;
}

int show(const VerifyOptions& options, const VerifyCase& made, const std::vector<Compared>& results) {
  const auto past = std::count_if(results.begin(), results.end(), [](const Compared& each) { return !each.distance.good(); });
  const auto empty = std::count_if(results.begin(), results.end(), [](const Compared& each) { return each.distance.good() && !each.distance.proves(); });
  const int code = past || empty ? kFailed : kDone;
  if (options.json) {
    nlohmann::json document = {{"schema", "rlx.verify/1"}, {"device", made.beside.device().name()}, {"binding", made.binding}, {"notes", made.notes},
                               {"good", code == kDone}, {"outputs", nlohmann::json::array()}};
    for (const Compared& each : results) document["outputs"].push_back(to_json(each));
    print_json(document);
    return code;
  }
  for (const std::string& note : made.notes) std::printf("%s\n", note.c_str());
  std::printf("%s beside the float64 reference, %s\n", made.beside.device().name().c_str(), binding_text(made.binding).c_str());
  for (const Compared& each : results) std::printf("output %s: %s\n", each.name.c_str(), distance_text(each.distance).c_str());
  if (past) std::printf("%lld of %zu outputs are past their bounds; `rlx bisect` finds the first op that is.\n", static_cast<long long>(past), results.size());
  if (empty) std::printf("of %lld of %zu outputs nothing is proven: try other inputs, or `rlx bisect`, whose bounds are those of a few ops.\n", static_cast<long long>(empty), results.size());
  return code;
}

int verify(const VerifyOptions& options) {
  auto runtime = rlx::Runtime::discover(options.search.runtime());
  if (!runtime) return report(runtime.error());
  auto made = open_case(options, *runtime);
  if (!made) return report(made.error());
  const auto results = made->beside.run("verified", made->model, made->binding, made->inputs, made->params);
  return results ? show(options, *made, *results) : report(results.error());
}

}  // namespace

void VerifyOptions::describe(po::options_description& options) {
  options.add_options()("device,d", po::value(&device)->value_name("DEVICE"), "e.g. cpu:0; default: the highest priority that there is")  //
      ("input,i", po::value(&input)->value_name("FILE.npz"), "inputs and weights by name; the rest is random, or the model's own")        //
      ("fill", po::value(&fills)->value_name("NAME=LOW:HIGH"), "range of a random input; default 0:1; repeatable")                       //
      ("seed", po::value(&seed)->value_name("N"), "of random inputs; default 0")                                                        //
      ("model", po::value(&model)->value_name("MODEL")->required(), "the model file");
  shapes.describe(options);
  search.describe(options);
}

rlx::Result<VerifyCase> open_case(const VerifyOptions& options, rlx::Runtime& runtime) {
  const auto bindings = options.shapes.bindings();
  if (!bindings) return bindings.error();
  if (bindings->size() != 1) return rlx::Error(rlx::ErrorCode::kUsage, "--bind: wanted one shape, seen " + std::to_string(bindings->size()));
  auto model = read_model(options.model);
  if (!model) return model.error();
  auto beside = Beside::open(runtime, options.device);
  if (!beside) return beside.error();
  auto made = beside->device_template(std::filesystem::path(options.model).filename().string(), *model);
  if (!made) return made.error();
  VerifyCase out{std::move(*beside), std::move(*model), std::move(*made), {}, {}, {}, {}};
  const rlx::BindingManifest& manifest = out.made.manifest();
  if (auto status = take_file(options.input, manifest, out); !status) return status.error();
  auto numbers = rlx::ModelCompilePipeline::create(out.beside.device(), 1);
  if (!numbers) return numbers.error();
  auto binding = complete_binding(*numbers, out.made, out.inputs, (*bindings)[0], out.notes);
  if (!binding) return binding.error();
  out.binding = std::move(*binding);
  const auto fills = parse_fills(options.fills, manifest);
  if (!fills) return fills.error();
  const auto numeric = numbers->binding_manifest_for_binding(out.made, out.binding);
  if (!numeric) return numeric.error();
  fill_missing(*numeric, *fills, options.seed, out.inputs, out.notes);
  return out;
}

int verify_command(const Arguments& arguments) {
  VerifyOptions verifying;
  po::options_description options("Options");
  verifying.describe(options);
  options.add_options()("json", po::bool_switch(&verifying.json), "print JSON (schema rlx.verify/1)");
  po::positional_options_description positional;
  positional.add("model", 1);
  const char* usage =
      "Usage: rlx verify MODEL [--device D] [--bind batch=8] [--input X.npz]\n"
      "Runs a model on a device and on the float64 reference, and says of every output how much of its error bound the worst element uses.\n"
      "Exit code: 0 every element lies within its bound, 1 one does not, or every bound of an output is too wide to prove anything, 2 usage.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  return verify(verifying);
}

}  // namespace rlx_tool
