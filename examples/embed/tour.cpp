// SPDX-License-Identifier: Apache-2.0
// Every figure on the screen is of this run.
#include "tour.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

namespace rlx_embed {
namespace {

using Clock = std::chrono::steady_clock;
double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void print_error(const rlx::Error& error) { std::printf("  %s\n", error.to_string().c_str()); }

/// Random tokens, all rows of full length.
Batch random_batch(const Embedder& embedder, std::int64_t rows, std::int64_t length, std::mt19937_64& random) {
  std::vector<std::vector<std::int64_t>> tokens(static_cast<std::size_t>(rows));
  for (auto& row : tokens)
    for (std::int64_t i = 0; i < length; ++i)
      row.push_back(static_cast<std::int64_t>(random() % embedder.tokenizer().size()));
  return embedder.pad(tokens);
}

bool show_shape(Embedder& embedder, std::int64_t rows, std::int64_t length, bool drawn, std::mt19937_64& random) {
  const Batch batch = random_batch(embedder, rows, length, random);
  const std::vector<rlx::NamedView> inputs = {{"ids", batch.ids.view()}, {"mask", batch.mask.view()}};
  const auto begin = Clock::now();
  const auto graph = embedder.pipeline().get_or_compile(embedder.model_template(), {{"batch", rows}, {"seq", length}});
  if (!graph) return print_error(graph.error()), false;
  const double compile_ms = milliseconds_since(begin);
  double best_ms = 1e30;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    const auto outputs = graph->run(inputs);
    if (!outputs) return print_error(outputs.error()), false;
    best_ms = std::min(best_ms, milliseconds_since(start));
  }
  std::printf("    %3lld x %-4lld %14.2f ms %12.2f ms %10.0f%s\n", static_cast<long long>(rows), static_cast<long long>(length),
              compile_ms, best_ms, 1e3 * static_cast<double>(rows * length) / best_ms, drawn ? "   drawn at random" : "");
  return true;
}

struct Distance {
  double cosine = 1;
  double worst = 0;  ///< absolute
};

/// The smaller cosine and the larger difference of two measurements.
Distance worse(const Distance& a, const Distance& b) { return {std::min(a.cosine, b.cosine), std::max(a.worst, b.worst)}; }

Distance distance(std::span<const float> seen, const nlohmann::json& wanted) {
  Distance result;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double a = seen[i], b = wanted.at(i).get<double>();
    ab += a * b;
    aa += a * a;
    bb += b * b;
    result.worst = std::max(result.worst, std::isnan(a) ? 1e30 : std::fabs(a - b));
  }
  result.cosine = ab / std::sqrt(aa * bb);
  if (std::isnan(result.cosine)) result.cosine = -1;
  return result;
}

/// The fixture's cases, each from its text (or its ids where it has none).
bool check_fixture(Embedder& embedder, const std::string& path) {
  std::ifstream file(path);
  const nlohmann::json json = file ? nlohmann::json::parse(file, nullptr, false) : nlohmann::json();
  if (!json.is_object() || !json.contains("cases") || json["cases"].empty()) {
    std::printf("  not checked against PyTorch and ONNX Runtime: the fixture `%s` is missing\n", path.c_str());
    return false;
  }
  Distance torch, onnx, exact;
  for (const auto& entry : json["cases"]) {
    std::vector<std::int64_t> ids = entry.at("ids").get<std::vector<std::int64_t>>();
    if (entry.at("text").is_string()) ids = embedder.tokenizer().encode(entry["text"].get<std::string>());
    const auto row = embedder.run(embedder.pad({ids}));
    if (!row) return print_error(row.error()), false;
    torch = worse(torch, distance(row->f32(), entry.at("pytorch")));
    onnx = worse(onnx, distance(row->f32(), entry.at("onnxruntime")));
    exact = worse(exact, distance(row->f32(), entry.at("float64")));
  }
  std::printf("  %zu texts: cosine to PyTorch %.7f, to ONNX Runtime %.7f; largest difference to float64 %.1e\n",
              json["cases"].size(), torch.cosine, onnx.cosine, exact.worst);
  const bool good = torch.cosine >= 0.99999 && onnx.cosine >= 0.99999 && exact.cosine >= 0.999999 && exact.worst <= 5e-6;
  if (!good) std::printf("  WRONG: wanted cosines of 0.99999 and more, and at most 5e-6 from float64\n");
  return good;
}

/// The reference is a backend of its own: run there twice, for the answer and for its error bound.
rlx::Result<rlx::Tensor> run_reference(rlx::Device device, const TourOptions& options, const Batch& batch, const char* emit) {
  rlx::CompileOptions compile;
  compile.backend = {{"emit", emit}};
  auto embedder = Embedder::open(options.model_folder, std::move(device), compile);
  if (!embedder) return embedder.error();
  return embedder->run(batch);
}

bool check_reference(Embedder& embedder, const TourOptions& options) {
  if (options.reference.empty() || !std::filesystem::exists(options.reference)) {
    std::printf("  not checked against the float64 reference: `%s` is missing\n", options.reference.c_str());
    return false;
  }
  rlx::RuntimeOptions only;
  only.plugin_paths = {options.reference};
  only.only_plugin_paths = true;
  auto runtime = rlx::Runtime::discover(only);
  if (!runtime) return print_error(runtime.error()), false;
  const auto device = runtime->device();
  if (!device) return print_error(device.error()), false;
  const Batch batch = embedder.pad({embedder.tokenizer().encode("A man is eating food.")});
  const auto seen = embedder.run(batch), value = run_reference(*device, options, batch, "value"),
             bound = run_reference(*device, options, batch, "bound");
  for (const auto* result : {&seen, &value, &bound})
    if (!*result) return print_error(result->error()), false;
  double ratio = 0, worst = 0;
  for (std::size_t i = 0; i < seen->f32().size(); ++i) {
    const double error = std::fabs(double{seen->f32()[i]} - double{value->f32()[i]}), most = bound->f32()[i];
    const bool within = error <= most;  // false for NaN
    worst = within ? std::max(worst, error) : 1e30;
    ratio = within ? std::max(ratio, most > 0 ? error / most : 0) : 1e30;
  }
  std::printf("  one sentence beside the float64 reference: worst error %.1e, %.0e of its bound\n", worst, ratio);
  if (ratio > 1 || worst > 5e-6) std::printf("  WRONG: wanted at most 1 of the bound and at most 5e-6\n");
  return ratio <= 1 && worst <= 5e-6;
}

bool show_pairs(Embedder& embedder) {
  const auto rows = embedder.embed({"A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."});
  if (!rows) return print_error(rows.error()), false;
  const std::size_t width = rows->f32().size() / 3;
  const auto row = [&](std::size_t i) { return rows->f32().subspan(i * width, width); };
  std::printf("  \"A man is eating food.\"   \"A man is eating a piece of bread.\" %8.3f\n", dot(row(0), row(1)));
  std::printf("                            \"The girl is carrying a baby.\"      %8.3f\n", dot(row(0), row(2)));
  return true;
}

}  // namespace

bool show_backends(rlx::Runtime& runtime) {
  std::printf("Backends\n");
  bool usable = false;
  for (const rlx::DeviceReport& device : runtime.devices()) {
    std::printf("  %-10s %s %s   %s\n", device.device.c_str(), device.plugin_id.c_str(), device.plugin_version.c_str(), device.description.c_str());
    usable = true;
  }
  for (const rlx::PluginReport& plugin : runtime.plugins()) {
    if (plugin.verdict == "ok") continue;
    const std::string name = plugin.kinds.empty() ? plugin.path : plugin.kinds.front();
    std::printf("  %-10s %s: %s\n", name.c_str(), plugin.verdict.c_str(), plugin.reason.c_str());
  }
  if (usable) return true;
  std::printf("  no backend can be used. Searched:\n");
  for (const std::string& place : runtime.places()) std::printf("    %s\n", place.c_str());
  return false;
}

bool show_shapes(Embedder& embedder, const TourOptions& options) {
  std::mt19937_64 random(options.seed);
  const std::int64_t rows = 2 + static_cast<std::int64_t>(random() % 7);
  const std::int64_t length = 5 + static_cast<std::int64_t>(random() % 140);
  std::printf("One template, any shape   model opened in %.0f ms; shapes drawn with seed %llu\n", options.load_ms,
              static_cast<unsigned long long>(options.seed));
  std::printf("  batch x seq   specialize + compile         run     tokens/s\n");
  const bool good = show_shape(embedder, 1, 128, false, random) && show_shape(embedder, 1, 16, false, random) &&
                    show_shape(embedder, 8, 128, false, random) && show_shape(embedder, rows, length, true, random);
  const rlx::PipelineMemory memory = embedder.pipeline().memory();
  std::printf("  weights: %.1f MiB mapped + %.1f MiB packed, held once for all %zu variants; arenas %.1f MiB\n",
              static_cast<double>(memory.source_bytes) / 1048576.0, static_cast<double>(memory.packed_bytes) / 1048576.0,
              memory.variants, static_cast<double>(memory.arena_bytes) / 1048576.0);
  return good;
}

bool show_checks(Embedder& embedder, const TourOptions& options) {
  std::printf("Is it right?\n");
  const bool fixture = check_fixture(embedder, options.fixture);
  const bool reference = check_reference(embedder, options);
  return show_pairs(embedder) && fixture && reference;
}

}  // namespace rlx_embed
