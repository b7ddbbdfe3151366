// SPDX-License-Identifier: Apache-2.0
// Opening a model, and the shapes that a command line asks for.
#include "opened.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "inputs.h"

namespace rlx_tool {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, begin = at + 1)) parts.push_back(text.substr(begin, at - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

constexpr std::size_t kMostShapes = 10000;

/// Each binding so far, with each of the sizes.
rlx::Result<std::vector<rlx::Binding>> multiplied(const std::vector<rlx::Binding>& before, const std::string& symbol, const std::string& sizes) {
  std::vector<rlx::Binding> after;
  for (const rlx::Binding& binding : before)
    for (const std::string& text : split(sizes, ',')) {
      const auto size = parse_integer("--bind " + symbol, text);
      if (!size) return size.error();
      after.push_back(binding);
      if (!after.back().emplace(symbol, *size).second) return rlx::Error(rlx::ErrorCode::kUsage, "--bind " + symbol + " is given twice");
      if (after.size() > kMostShapes) return rlx::Error(rlx::ErrorCode::kUsage, "--bind: more than " + std::to_string(kMostShapes) + " shapes");
    }
  return after;
}

rlx::Result<rlx::Binding> parse_shape(const std::string& text, const rlx::Binding& common) {
  rlx::Binding binding = common;
  for (const std::string& part : split(text, ',')) {
    const auto pair = split_assignment("--shape", part);
    if (!pair) return pair.error();
    const auto size = parse_integer("--shape " + pair->first, pair->second);
    if (!size) return size.error();
    if (!binding.emplace(pair->first, *size).second)
      return rlx::Error(rlx::ErrorCode::kUsage, "--shape `" + text + "`: " + pair->first + " has a size already");
  }
  return binding;
}

std::int64_t least_of(const rlx::BindingManifest::Symbol& symbol) { return std::max<std::int64_t>(1, symbol.least); }

/// Looks for small sizes of open symbols that keep a template's constraints: all alike, then one or two of them.
class LeastSizes {
 public:
  LeastSizes(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, const std::vector<rlx::BindingManifest::Symbol>& open)
      : pipeline_(pipeline), from_(from), open_(open) {}

  /// Changes nothing where none are found: whoever uses the binding says what is wrong with it.
  void settle(rlx::Binding& binding) const {
    if (keeps(binding)) return;
    rlx::Binding trial = binding;
    if (!alike(trial) && !alone(trial = binding) && !in_pairs(trial = binding)) return;
    for (const auto& symbol : open_) lower(symbol, trial);
    binding = trial;
  }

 private:
  static constexpr std::int64_t kMostAlike = 4096, kMostAlone = 1024, kMostInPairs = 32;

  bool keeps(const rlx::Binding& binding) const {
    const auto manifest = pipeline_.binding_manifest_for_binding(from_, binding);
    return manifest || manifest.error().code() != rlx::ErrorCode::kConstraintViolated;
  }

  bool alike(rlx::Binding& trial) const {
    for (std::int64_t size = 2; size <= kMostAlike; ++size) {
      for (const auto& symbol : open_) trial[symbol.name] = std::clamp(size, least_of(symbol), std::max(least_of(symbol), symbol.greatest));
      if (keeps(trial)) return true;
    }
    return false;
  }

  bool scan(const rlx::BindingManifest::Symbol& symbol, std::int64_t most, rlx::Binding& trial) const {
    const std::int64_t before = trial[symbol.name];
    for (std::int64_t size = least_of(symbol); size <= std::min(most, symbol.greatest); ++size) {
      trial[symbol.name] = size;
      if (keeps(trial)) return true;
    }
    trial[symbol.name] = before;
    return false;
  }

  bool alone(rlx::Binding& trial) const {
    return std::any_of(open_.begin(), open_.end(), [&](const auto& symbol) { return scan(symbol, kMostAlone, trial); });
  }

  bool in_pairs(rlx::Binding& trial) const {
    for (const auto& first : open_)
      for (std::int64_t size = least_of(first); size <= std::min(kMostInPairs, first.greatest); ++size) {
        trial[first.name] = size;
        for (const auto& second : open_)
          if (second.name != first.name && scan(second, kMostInPairs, trial)) return true;
        trial[first.name] = least_of(first);
      }
    return false;
  }

  /// Never above what it is now.
  void lower(const rlx::BindingManifest::Symbol& symbol, rlx::Binding& trial) const { scan(symbol, trial[symbol.name], trial); }

  rlx::ModelCompilePipeline& pipeline_;
  const rlx::Template& from_;
  const std::vector<rlx::BindingManifest::Symbol>& open_;
};

}  // namespace

std::string binding_text(const rlx::Binding& binding) {
  std::string text;
  for (const auto& [symbol, size] : binding) text += (text.empty() ? "" : ",") + symbol + "=" + std::to_string(size);
  return text.empty() ? "(no symbols)" : text;
}

void ShapeOptions::describe(boost::program_options::options_description& options) {
  namespace po = boost::program_options;
  options.add_options()("bind,b", po::value(&binds)->value_name("SYMBOL=N[,N...]"), "size of a symbol; several sizes: one shape for each; repeatable")  //
      ("shape,shapes", po::value(&shapes)->value_name("SYMBOL=N,..."), "one shape, on top of --bind; repeatable");
}

rlx::Result<std::vector<rlx::Binding>> ShapeOptions::bindings() const {
  std::vector<rlx::Binding> all = {{}};
  for (const std::string& text : binds) {
    const auto pair = split_assignment("--bind", text);
    if (!pair) return pair.error();
    auto more = multiplied(all, pair->first, pair->second);
    if (!more) return more;
    all = std::move(*more);
  }
  if (shapes.empty()) return all;
  std::vector<rlx::Binding> listed;
  for (const std::string& text : shapes)
    for (const rlx::Binding& common : all) {
      const auto shape = parse_shape(text, common);
      if (!shape) return shape.error();
      listed.push_back(*shape);
    }
  return listed;
}

rlx::Binding completed(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, rlx::Binding binding, std::vector<std::string>& notes) {
  std::vector<rlx::BindingManifest::Symbol> open;
  for (const auto& symbol : from.manifest().symbols)
    if (binding.emplace(symbol.name, least_of(symbol)).second) open.push_back(symbol);
  LeastSizes(pipeline, from, open).settle(binding);
  for (const auto& symbol : open) {
    const std::int64_t size = binding[symbol.name];
    notes.push_back("symbol " + symbol.name + " = " + std::to_string(size) + (size == least_of(symbol) ? " (its least; " : " (the least that keeps the constraints; ") +
                    "--bind " + symbol.name + "=N changes it)");
  }
  return binding;
}

rlx::Result<rlx::Model> read_model(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension != ".ir" && extension != ".hir" && extension != ".mir") {
    auto loaded = rlx::load_model(path);
    if (!loaded && loaded.error().code() == rlx::ErrorCode::kImporterMissing && extension != ".onnx")
      return std::move(loaded.error()).within("a graph as text is named .ir, .hir or .mir");
    return loaded;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return rlx::Error(rlx::ErrorCode::kFileNotFound, "no file `" + path + "`");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto model = rlx::model_from_text(text);
  if (!model) return std::move(model.error()).within("in `" + path + "`");
  return model;
}

rlx::Result<Opened> open_model(const std::string& path, rlx::Runtime& runtime, const std::string& device, const rlx::CompileOptions& options,
                               std::size_t capacity, const rlx::Trace& trace) {
  OpenTimes times;
  auto begin = Clock::now();
  auto model = [&] {
    const rlx::Trace::Slice slice(trace, "load " + std::filesystem::path(path).filename().string(), "load");
    return read_model(path);
  }();
  if (!model) return model.error();
  times.load_ms = milliseconds_since(begin);
  begin = Clock::now();
  auto opened = runtime.device(device);
  if (!opened) return opened.error();
  times.device_ms = milliseconds_since(begin);
  auto pipeline = rlx::ModelCompilePipeline::create(*opened, capacity);
  if (!pipeline) return pipeline.error();
  begin = Clock::now();
  auto made = pipeline->build_template(std::filesystem::path(path).filename().string(), *model, options);
  if (!made) return made.error();
  times.template_ms = milliseconds_since(begin);
  return Opened{std::move(*model), std::move(*opened), std::move(*pipeline), std::move(*made), times};
}

rlx::Status fill_params(const rlx::CompiledGraph& graph) {
  rlx::CompiledGraph filled = graph;
  for (const std::string& name : graph.unset_params())
    for (const rlx::ManifestEntry& entry : graph.manifest().params) {
      if (entry.name != name) continue;
      std::vector<std::int64_t> dims;
      for (const rlx::Size& size : entry.dims) dims.push_back(size.number());
      const rlx::Tensor values = random_tensor(entry.dtype, dims, {0, 1}, std::hash<std::string>()(name));
      if (auto status = filled.set_param(name, values.view()); !status) return status;
    }
  return {};
}

std::string bytes_text(std::uint64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

}  // namespace rlx_tool
