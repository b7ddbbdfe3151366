// SPDX-License-Identifier: Apache-2.0
// What several loads of one model cost in one process: loads MODEL N times on one device, each with a pipeline of its own,
// runs each once at its least shape, and prints resident memory after the first and after the last.
// usage: loads MODEL [N]
#include <rlx/host/pipeline.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
  return 0;
}

rlx::Status load_and_run(const rlx::Device& device, const std::string& path, std::vector<rlx::ModelCompilePipeline>& loads) {
  const auto model = rlx::load_model(path);
  if (!model) return model.error();
  auto pipeline = rlx::ModelCompilePipeline::create(device);
  if (!pipeline) return pipeline.error();
  const auto made = pipeline->build_template("model", *model);
  if (!made) return made.error();
  rlx::Binding binding;
  for (const auto& symbol : made->manifest().symbols) binding[symbol.name] = symbol.least;
  const auto graph = pipeline->get_or_compile(*made, binding);
  if (!graph) return graph.error();
  std::vector<rlx::NamedTensor> inputs;
  std::vector<rlx::NamedView> views;
  for (const rlx::ManifestEntry& entry : graph->manifest().inputs) {
    std::vector<std::int64_t> dims;
    for (const rlx::Size& size : entry.dims) dims.push_back(size.number());
    inputs.push_back({entry.name, rlx::Tensor(entry.dtype, dims)});
    views.push_back({entry.name, inputs.back().tensor.view()});
  }
  if (const auto outputs = graph->run(views); !outputs) return outputs.error();
  loads.push_back(*pipeline);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: loads MODEL [N]\n"), 2;
  const int count = argc > 2 ? std::atoi(argv[2]) : 8;
  auto runtime = rlx::Runtime::discover({});
  const auto device = runtime->device();
  if (!device) return std::fprintf(stderr, "loads: %s\n", device.error().to_string().c_str()), 1;
  const double before = resident_mib();
  std::vector<rlx::ModelCompilePipeline> loads;
  for (int i = 0; i < count; ++i) {
    if (const auto status = load_and_run(*device, argv[1], loads); !status)
      return std::fprintf(stderr, "loads: %s\n", status.error().to_string().c_str()), 1;
    if (i == 0 || i + 1 == count) std::printf("%d loads: %.1f MiB above an open device\n", i + 1, resident_mib() - before);
  }
  return 0;
}
