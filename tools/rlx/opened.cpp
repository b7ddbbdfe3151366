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

}  // namespace

std::string binding_text(const rlx::Binding& binding) {
  std::string text;
  for (const auto& [symbol, size] : binding) text += (text.empty() ? "" : ",") + symbol + "=" + std::to_string(size);
  return text.empty() ? "(no symbols)" : text;
}

void ShapeOptions::describe(boost::program_options::options_description& options) {
  namespace po = boost::program_options;
  options.add_options()("bind,b", po::value(&binds)->value_name("SYMBOL=N[,N...]"), "size of a symbol; several sizes: one shape for each; repeatable")  //
      ("shape", po::value(&shapes)->value_name("SYMBOL=N,..."), "one shape, on top of --bind; repeatable");
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

rlx::Binding completed(const rlx::Template& from, rlx::Binding binding, std::vector<std::string>& notes) {
  for (const auto& symbol : from.manifest().symbols) {
    const std::int64_t size = std::max<std::int64_t>(1, symbol.least);
    if (binding.emplace(symbol.name, size).second)
      notes.push_back("symbol " + symbol.name + " = " + std::to_string(size) + " (its least; --bind " + symbol.name + "=N changes it)");
  }
  return binding;
}

rlx::Result<rlx::Model> read_model(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension != ".ir" && extension != ".hir" && extension != ".mir") return rlx::load_model(path);
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
