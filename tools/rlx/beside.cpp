// SPDX-License-Identifier: Apache-2.0
#include "beside.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>

#include "opened.h"

namespace rlx_tool {
namespace {

template <class T>
T at(const void* data, std::uint64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + index * sizeof(T), sizeof(T));
  return value;
}

double of_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
}

double of_bf16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  return double{at<float>(&wide, 0)};
}

bool is_real(rlx::DType dtype) {
  return dtype == rlx::DType::kF16 || dtype == rlx::DType::kBF16 || dtype == rlx::DType::kF32 || dtype == rlx::DType::kF64;
}

/// |got - expected| as a share of the bound; infinite where they are not alike at all.
double share(double got, double expected, double bound) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const double error = std::fabs(got - expected);
  return std::isfinite(error) && bound > 0 ? error / bound : std::numeric_limits<double>::infinity();
}

std::vector<std::int64_t> coordinates(const std::vector<std::int64_t>& dims, std::uint64_t index) {
  std::vector<std::int64_t> out(dims.size());
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    out[axis] = static_cast<std::int64_t>(index % static_cast<std::uint64_t>(dims[axis]));
    index /= static_cast<std::uint64_t>(dims[axis]);
  }
  return out;
}

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

double element_of(const rlx::Tensor& tensor, std::uint64_t index) {
  const void* data = tensor.data();
  switch (tensor.dtype()) {
    case rlx::DType::kF64: return at<double>(data, index);
    case rlx::DType::kF32: return double{at<float>(data, index)};
    case rlx::DType::kF16: return of_f16(at<std::uint16_t>(data, index));
    case rlx::DType::kBF16: return of_bf16(at<std::uint16_t>(data, index));
    case rlx::DType::kI64: return static_cast<double>(at<std::int64_t>(data, index));
    case rlx::DType::kU64: return static_cast<double>(at<std::uint64_t>(data, index));
    case rlx::DType::kI32: return at<std::int32_t>(data, index);
    case rlx::DType::kU32: return at<std::uint32_t>(data, index);
    case rlx::DType::kI16: return at<std::int16_t>(data, index);
    case rlx::DType::kU16: return at<std::uint16_t>(data, index);
    case rlx::DType::kI8: return at<std::int8_t>(data, index);
    default: return at<std::uint8_t>(data, index);
  }
}

Distance distance_of(const rlx::Tensor& got, const rlx::Tensor& expected, const rlx::Tensor& bounds) {
  Distance out;
  out.elements = 1;
  for (const std::int64_t dim : expected.dims()) out.elements *= static_cast<std::uint64_t>(dim);
  const bool real = is_real(expected.dtype());
  const std::uint64_t width = out.elements ? expected.bytes() / out.elements : 0;
  const auto take = [&](std::uint64_t i, double share_of_bound) {
    out.where = coordinates(expected.dims(), i);
    out.expected = element_of(expected, i);
    out.got = element_of(got, i);
    out.bound = real ? element_of(bounds, i) : 0;
    out.worst = share_of_bound;
  };
  double worst_past = 0;
  for (std::uint64_t i = 0; i < out.elements; ++i) {
    const auto* mine = static_cast<const char*>(got.data()) + i * width;
    const auto* right = static_cast<const char*>(expected.data()) + i * width;
    const double here = real                                   ? share(element_of(got, i), element_of(expected, i), element_of(bounds, i))
                        : std::memcmp(mine, right, width) != 0 ? std::numeric_limits<double>::infinity()
                                                               : 0;
    if (here > 1) {
      if (out.past++ == 0) take(i, here);
      worst_past = std::max(worst_past, here);
    } else if (!out.past && (here > out.worst || i == 0)) {
      take(i, here);
    }
  }
  if (out.past) out.worst = worst_past;
  return out;
}

std::string distance_text(const Distance& distance) {
  if (!distance.elements) return "no elements";
  std::string where;
  for (const std::int64_t index : distance.where) where += (where.empty() ? "" : ", ") + std::to_string(index);
  char worst[64], values[160];
  std::snprintf(worst, sizeof worst, "%.3g of its bound", distance.worst);
  std::snprintf(values, sizeof values, "expected %.9g, got %.9g, bound %.3g", distance.expected, distance.got, distance.bound);
  std::string out = std::isinf(distance.worst) ? "differs where no bound holds" : std::string("worst ") + worst;
  out += std::string(distance.past ? "; first past it at [" : " at [") + where + "]: " + values;
  if (distance.past) out += "; " + std::to_string(distance.past) + " of " + std::to_string(distance.elements) + " elements are past their bounds";
  return out;
}

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
