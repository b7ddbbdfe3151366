// SPDX-License-Identifier: Apache-2.0
// What several loads, or several variants, of one model cost in one process. Loads MODEL N times on one device, each with a
// pipeline of its own, and runs each once at its least shape; or with the word `variants` loads it once and runs N shapes, the
// one symbol that may grow growing. Prints memory after the first and after the last: resident, of that in pages of MODEL
// itself, and what the runtime says that it holds.
// usage: loads MODEL [N [variants]]
#include <rlx/host/pipeline.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

struct Resident {
  double all = 0, of_file = 0;
};

/// MiB of this process, and of the mappings of `path` in it.
Resident resident(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  Resident seen;
  bool of_file = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.rfind("Rss:", 0) == 0) {
      const double mib = std::atof(line.c_str() + 4) / 1024;
      seen.all += mib;
      if (of_file) seen.of_file += mib;
    } else if (std::isxdigit(static_cast<unsigned char>(line[0])) && line.find('-') < line.find(' ')) {
      of_file = line.size() >= path.size() && line.compare(line.size() - path.size(), path.size(), path) == 0;
    }
  }
  return seen;
}

rlx::Status run(rlx::ModelCompilePipeline& pipeline, const rlx::Template& made, std::int64_t grown) {
  rlx::Binding binding;
  for (const auto& symbol : made.manifest().symbols)
    binding[symbol.name] = std::min(symbol.greatest, symbol.least + (symbol.name == made.manifest().symbols.back().name ? grown : 0));
  const auto graph = pipeline.get_or_compile(made, binding);
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
  return {};
}

rlx::Result<rlx::Template> load(const rlx::Device& device, const std::string& path, std::vector<rlx::ModelCompilePipeline>& loads) {
  const auto model = rlx::load_model(path);
  if (!model) return model.error();
  auto pipeline = rlx::ModelCompilePipeline::create(device);
  if (!pipeline) return pipeline.error();
  loads.push_back(*pipeline);
  return loads.back().build_template("model", *model);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: loads MODEL [N [variants]]\n"), 2;
  const int count = argc > 2 ? std::atoi(argv[2]) : 8;
  const bool variants = argc > 3;
  auto runtime = rlx::Runtime::discover({});
  const auto device = runtime->device();
  if (!device) return std::fprintf(stderr, "loads: %s\n", device.error().to_string().c_str()), 1;
  const Resident before = resident(argv[1]);
  std::vector<rlx::ModelCompilePipeline> loads;
  std::optional<rlx::Template> made;
  for (int i = 0; i < count; ++i) {
    if (!variants || !made) {
      auto loaded = load(*device, argv[1], loads);
      if (!loaded) return std::fprintf(stderr, "loads: %s\n", loaded.error().to_string().c_str()), 1;
      made = *loaded;
    }
    if (const auto status = run(loads.back(), *made, variants ? i : 0); !status)
      return std::fprintf(stderr, "loads: %s\n", status.error().to_string().c_str()), 1;
    if (i != 0 && i + 1 != count) continue;
    const Resident now = resident(argv[1]);
    const rlx::PipelineMemory held = loads.back().memory();
    std::printf("%d %s: %.1f MiB above an open device, %.1f of the file; the last pipeline: weights %.1f MiB, packed %.1f, arenas %.1f\n", i + 1,
                variants ? "variants" : "loads", now.all - before.all, now.of_file, static_cast<double>(held.source_bytes) / 1048576,
                static_cast<double>(held.packed_bytes) / 1048576, static_cast<double>(held.arena_bytes) / 1048576);
  }
  return 0;
}
