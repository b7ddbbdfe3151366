// SPDX-License-Identifier: Apache-2.0
// Runs a model once at each of many distinct shapes and prints resident memory as it goes: it must stay flat. Symbols `batch`
// and `seq` take their sizes by a fixed shuffle, so that large shapes come early and late.
// Exit code 1 where the last hundred need more than 2 % above what the first hundred needed.
#include <rlx/host/pipeline.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t kMostBatch = 8, kMostSeq = 256;

std::uint64_t resident_bytes() {
  long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (file) std::fclose(file);
  return static_cast<std::uint64_t>(resident) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

int fail(const rlx::Error& error) {
  std::fprintf(stderr, "soak: %s\n", error.to_string().c_str());
  return 1;
}

/// One run on ones.
rlx::Status run_at(rlx::ModelCompilePipeline& pipeline, const rlx::Template& made, std::int64_t batch, std::int64_t seq) {
  const auto graph = pipeline.get_or_compile(made, {{"batch", batch}, {"seq", seq}});
  if (!graph) return graph.error();
  std::vector<rlx::NamedTensor> inputs;
  for (const rlx::ManifestEntry& entry : graph->manifest().inputs) {
    std::vector<std::int64_t> dims;
    for (const rlx::Size& size : entry.dims) dims.push_back(size.number());
    inputs.push_back({entry.name, rlx::Tensor(entry.dtype, dims)});
    for (std::int64_t& value : inputs.back().tensor.i64()) value = 1;
    for (float& value : inputs.back().tensor.f32()) value = 1;
  }
  std::vector<rlx::NamedView> views;
  for (const rlx::NamedTensor& input : inputs) views.push_back({input.name, input.tensor.view()});
  if (const auto outputs = graph->run(views); !outputs) return outputs.error();
  return {};
}

/// Distinct shapes in a shuffled order; the largest is the first, so that growth after it is a leak.
std::vector<std::pair<std::int64_t, std::int64_t>> shapes(std::size_t count) {
  std::vector<std::pair<std::int64_t, std::int64_t>> all;
  for (std::int64_t batch = 1; batch <= kMostBatch; ++batch)
    for (std::int64_t seq = 1; seq <= kMostSeq; ++seq) all.emplace_back(batch, seq);
  std::shuffle(all.begin(), all.end() - 1, std::mt19937(7));
  std::rotate(all.begin(), all.end() - 1, all.end());
  all.resize(std::min(count, all.size()));
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: soak MODEL.onnx [SHAPES (1000)] [THREADS]\n"), 2;
  rlx::RuntimeOptions options;
  options.threads = argc > 3 ? static_cast<unsigned>(std::stoul(argv[3])) : 0;
  const auto model = rlx::load_model(argv[1]);
  if (!model) return fail(model.error());
  auto runtime = rlx::Runtime::discover(options);
  if (!runtime) return fail(runtime.error());
  const auto device = runtime->device();
  if (!device) return fail(device.error());
  auto pipeline = rlx::ModelCompilePipeline::create(*device, 64);
  const auto made = pipeline->build_template("model", *model);
  if (!made) return fail(made.error());
  std::uint64_t first = 0, last = 0;
  std::size_t done = 0;
  for (const auto& [batch, seq] : shapes(argc > 2 ? std::stoul(argv[2]) : 1000)) {
    if (const auto status = run_at(*pipeline, *made, batch, seq); !status) return fail(status.error());
    last = resident_bytes();
    if (++done <= 100) first = std::max(first, last);
    if (done % 100 == 0)
      std::printf("%5zu shapes: resident %.1f MiB, arenas %.1f MiB, %zu variants\n", done, static_cast<double>(last) / (1 << 20),
                  static_cast<double>(runtime->memory().arena_bytes) / (1 << 20), pipeline->size()), std::fflush(stdout);
  }
  const double growth = static_cast<double>(last) / static_cast<double>(first) - 1;
  std::printf("growth after the first 100: %.2f %%\n", 100 * growth);
  const std::uint64_t given = runtime->trim();
  std::printf("trim gave back %.1f MiB: resident %.1f MiB\n", static_cast<double>(given) / (1 << 20), static_cast<double>(resident_bytes()) / (1 << 20));
  return growth <= 0.02 ? 0 : 1;
}
