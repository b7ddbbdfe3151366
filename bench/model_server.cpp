// SPDX-License-Identifier: Apache-2.0
// Runs an ONNX model at shapes that come on stdin, for side-by-side scripts: "BIND... REPEAT" such as "batch=8 seq=128 20".
// Answers one line: "COMPILE_MS FIRST_MS MEDIAN_MS". Inputs are ones (masks, ids): the same that the peers get.
#include <rlx/host/pipeline.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>

namespace {

using Clock = std::chrono::steady_clock;
double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

int fail(const rlx::Error& error) {
  std::fprintf(stderr, "model_server: %s\n", error.to_string().c_str());
  return 1;
}

/// A tensor of ones for every input of the manifest.
std::vector<rlx::NamedTensor> ones(const rlx::BindingManifest& manifest) {
  std::vector<rlx::NamedTensor> inputs;
  for (const rlx::ManifestEntry& entry : manifest.inputs) {
    std::vector<std::int64_t> dims;
    for (const rlx::Size& size : entry.dims) dims.push_back(size.number());
    rlx::Tensor tensor(entry.dtype, dims);
    for (std::int64_t& value : tensor.i64()) value = 1;
    for (float& value : tensor.f32()) value = 1;
    inputs.push_back({entry.name, std::move(tensor)});
  }
  return inputs;
}

rlx::Status serve(rlx::ModelCompilePipeline& pipeline, const rlx::Template& made, const std::string& line) {
  std::istringstream words(line);
  rlx::Binding binding;
  std::size_t repeat = 1;
  for (std::string word; words >> word;) {
    const std::size_t at = word.find('=');
    if (at == std::string::npos) repeat = std::stoul(word);
    else binding[word.substr(0, at)] = std::stoll(word.substr(at + 1));
  }
  auto begin = Clock::now();
  const auto graph = pipeline.get_or_compile(made, binding);
  if (!graph) return graph.error();
  const double compile_ms = milliseconds_since(begin);
  const std::vector<rlx::NamedTensor> inputs = ones(graph->manifest());
  std::vector<rlx::NamedView> in;
  for (const rlx::NamedTensor& input : inputs) in.push_back({input.name, input.tensor.view()});
  std::vector<double> times;
  for (std::size_t i = 0; i <= repeat; ++i) {
    begin = Clock::now();
    if (const auto outputs = graph->run(in); !outputs) return outputs.error();
    times.push_back(milliseconds_since(begin));
  }
  const double first = times.front();
  times.erase(times.begin());
  std::sort(times.begin(), times.end());
  std::printf("%.4f %.4f %.4f\n", compile_ms, first, times.empty() ? first : times[times.size() / 2]);
  std::fflush(stdout);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: model_server MODEL.onnx [THREADS]\n"), 2;
  const auto begin = Clock::now();
  const auto model = rlx::load_model(argv[1]);
  if (!model) return fail(model.error());
  rlx::RuntimeOptions options;
  options.threads = argc > 2 ? static_cast<unsigned>(std::stoul(argv[2])) : 0;
  auto runtime = rlx::Runtime::discover(options);
  if (!runtime) return fail(runtime.error());
  const auto device = runtime->device();
  if (!device) return fail(device.error());
  auto pipeline = rlx::ModelCompilePipeline::create(*device, 1024);
  const auto made = pipeline->build_template("model", *model);
  if (!made) return fail(made.error());
  std::printf("%.3f\n", milliseconds_since(begin));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);)
    if (const auto status = serve(*pipeline, *made, line); !status) return fail(status.error());
  return 0;
}
