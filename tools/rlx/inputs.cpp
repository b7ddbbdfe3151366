// SPDX-License-Identifier: Apache-2.0
// A portable generator, so that a seed means the same everywhere.
#include "inputs.h"

#include <rlx/host/report.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "command.h"
#include "opened.h"

namespace rlx_tool {
namespace {

/// SplitMix64: one 64-bit state, one output a step.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

template <class T>
void store(void* data, std::size_t index, T value) {
  std::memcpy(static_cast<char*>(data) + index * sizeof(T), &value, sizeof(T));
}

std::uint16_t bf16_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// For finite values of ordinary size; small ones flush to zero.
std::uint16_t f16_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const int exponent = static_cast<int>(bits >> 23 & 0xFF) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return static_cast<std::uint16_t>(sign | 0x7C00);
  return static_cast<std::uint16_t>(sign | (exponent << 10) | (bits >> 13 & 0x3FF));
}

bool is_real(rlx::DType dtype) {
  return dtype == rlx::DType::kF16 || dtype == rlx::DType::kBF16 || dtype == rlx::DType::kF32 || dtype == rlx::DType::kF64;
}

void store_real(rlx::DType dtype, void* data, std::size_t i, double value) {
  switch (dtype) {
    case rlx::DType::kF64: return store(data, i, value);
    case rlx::DType::kF32: return store(data, i, static_cast<float>(value));
    case rlx::DType::kBF16: return store(data, i, bf16_bits(static_cast<float>(value)));
    default: return store(data, i, f16_bits(static_cast<float>(value)));
  }
}

void store_integer(std::size_t bytes, void* data, std::size_t i, std::int64_t value) {
  switch (bytes) {
    case 1: return store(data, i, static_cast<std::int8_t>(value));
    case 2: return store(data, i, static_cast<std::int16_t>(value));
    case 4: return store(data, i, static_cast<std::int32_t>(value));
    default: return store(data, i, value);
  }
}

std::string list_text(const std::vector<std::int64_t>& dims) {
  std::string text;
  for (const std::int64_t dim : dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return "[" + text + "]";
}

std::string list_text(const rlx::Sizes& dims) {
  std::string text;
  for (const rlx::Size& dim : dims) text += (text.empty() ? "" : ", ") + (dim.expression().empty() ? std::to_string(dim.number()) : dim.expression());
  return "[" + text + "]";
}

/// The values that a dtype can hold and random_tensor can make.
FillRange limits_of(rlx::DType dtype) {
  switch (dtype) {
    case rlx::DType::kBool:
    case rlx::DType::kF64: return {-0x1.fffffffffffffp1022, 0x1.fffffffffffffp1022};
    case rlx::DType::kF16: return {-65504, 65504};
    case rlx::DType::kI64: return {-0x1p63, 0x1p63 - 1024};
    case rlx::DType::kU64: return {0, 0x1p63 - 1024};
    case rlx::DType::kI8: return {-0x1p7, 0x1p7 - 1};
    case rlx::DType::kI16: return {-0x1p15, 0x1p15 - 1};
    case rlx::DType::kI32: return {-0x1p31, 0x1p31 - 1};
    case rlx::DType::kU8: return {0, 0x1p8 - 1};
    case rlx::DType::kU16: return {0, 0x1p16 - 1};
    case rlx::DType::kU32: return {0, 0x1p32 - 1};
    default: return {-0x1.fep127, 0x1.fep127};  // bf16's greatest is below f32's
  }
}

rlx::Status bind_size(const std::string& symbol, std::int64_t size, const std::string& giver, rlx::Binding& binding,
                      std::map<std::string, std::string>& givers) {
  const auto [entry, fresh] = binding.try_emplace(symbol, size);
  if (!fresh && entry->second != size)
    return rlx::Error(rlx::ErrorCode::kSymbolConflict, "`" + symbol + "` is " + std::to_string(entry->second) + " in " + givers[symbol] +
                                                           " and " + std::to_string(size) + " in " + giver);
  if (fresh) givers[symbol] = giver;
  return {};
}

}  // namespace

rlx::Tensor random_tensor(rlx::DType dtype, const std::vector<std::int64_t>& dims, FillRange range, std::uint64_t seed) {
  rlx::Tensor tensor(dtype, dims);
  const std::size_t width = rlx::dtype_bytes(dtype);
  if (!width) return tensor;
  Random random(seed);
  for (std::size_t i = 0; i < tensor.bytes() / width; ++i) {
    const double u = random.uniform();
    if (dtype == rlx::DType::kBool)
      store<std::uint8_t>(tensor.data(), i, 1);
    else if (is_real(dtype))
      store_real(dtype, tensor.data(), i, range.low + u * (range.high - range.low));
    else
      store_integer(width, tensor.data(), i, static_cast<std::int64_t>(std::floor(range.low + u * (range.high - range.low + 1))));
  }
  return tensor;
}

std::string describe_fill(rlx::DType dtype, FillRange range) {
  if (dtype == rlx::DType::kBool) return "all true";
  char text[96];
  std::snprintf(text, sizeof text, is_real(dtype) ? "uniform in %g to %g" : "integers %g to %g", range.low, range.high);
  return text;
}

rlx::Result<std::map<std::string, FillRange>> parse_fills(const std::vector<std::string>& texts, const rlx::BindingManifest& manifest) {
  std::vector<std::string> names;
  for (const rlx::ManifestEntry& entry : manifest.inputs) names.push_back(entry.name);
  std::map<std::string, FillRange> fills;
  for (const std::string& text : texts) {
    const auto pair = split_assignment("--fill", text);
    if (!pair) return pair.error();
    FillRange range;
    char rest = 0;
    if (std::sscanf(pair->second.c_str(), "%lf:%lf%c", &range.low, &range.high, &rest) != 2 || !(range.low <= range.high))
      return rlx::Error(rlx::ErrorCode::kUsage, "--fill `" + text + "`: wanted NAME=LOW:HIGH");
    const auto at = std::find(names.begin(), names.end(), pair->first);
    if (at == names.end())
      return rlx::Error(rlx::ErrorCode::kUsage, "--fill: no input `" + pair->first + "`; " + rlx::did_you_mean_text(pair->first, names));
    const rlx::DType dtype = manifest.inputs[static_cast<std::size_t>(at - names.begin())].dtype;
    const FillRange limits = limits_of(dtype);
    if (!(range.low >= limits.low && range.high <= limits.high)) {
      char wanted[96];
      std::snprintf(wanted, sizeof wanted, ", wanted %.17g to %.17g", limits.low, limits.high);
      return rlx::Error(rlx::ErrorCode::kUsage, "--fill `" + text + "`: not a range of " + std::string(rlx::dtype_name(dtype)) + wanted);
    }
    fills[pair->first] = range;
  }
  return fills;
}

void fill_missing(const rlx::BindingManifest& manifest, const std::map<std::string, FillRange>& fills, std::uint64_t seed,
                  std::vector<rlx::NamedTensor>& inputs, std::vector<std::string>& notes) {
  for (const rlx::ManifestEntry& entry : manifest.inputs) {
    ++seed;
    if (std::any_of(inputs.begin(), inputs.end(), [&](const auto& t) { return t.name == entry.name; })) continue;
    const auto found = fills.find(entry.name);
    const FillRange range = found == fills.end() ? FillRange{} : found->second;
    std::vector<std::int64_t> dims;
    std::string text;
    for (const rlx::Size& size : entry.dims) {
      dims.push_back(size.number());
      text += (text.empty() ? "" : ", ") + std::to_string(size.number());
    }
    inputs.push_back({entry.name, random_tensor(entry.dtype, dims, range, seed)});
    notes.push_back("input " + entry.name + " " + std::string(rlx::dtype_name(entry.dtype)) + "[" + text + "]: random, " +
                    describe_fill(entry.dtype, range) + ", seed " + std::to_string(seed));
  }
}

rlx::Result<rlx::Binding> complete_binding(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, const std::vector<rlx::NamedTensor>& given,
                                           const rlx::Binding& bind, std::vector<std::string>& notes) {
  rlx::Binding binding;
  std::map<std::string, std::string> givers;
  for (const auto& [symbol, size] : bind)
    if (auto status = bind_size(symbol, size, "--bind", binding, givers); !status) return status.error();
  for (const rlx::NamedTensor& tensor : given) {
    const auto& inputs = from.manifest().inputs;
    const auto wanted = std::find_if(inputs.begin(), inputs.end(), [&](const auto& entry) { return entry.name == tensor.name; });
    if (wanted == inputs.end()) continue;  // the run names it
    if (wanted->dims.size() != tensor.tensor.dims().size())
      return rlx::Error(rlx::ErrorCode::kWrongShape, "input `" + tensor.name + "` is " + list_text(tensor.tensor.dims()) + ", wanted " + list_text(wanted->dims));
    for (std::size_t i = 0; i < wanted->dims.size() && i < tensor.tensor.dims().size(); ++i) {
      const std::string& symbol = wanted->dims[i].expression();
      const bool plain = std::any_of(from.manifest().symbols.begin(), from.manifest().symbols.end(), [&](const auto& s) { return s.name == symbol; });
      if (!plain) continue;
      auto status = bind_size(symbol, tensor.tensor.dims()[i], tensor.name + " (dim " + std::to_string(i) + ")", binding, givers);
      if (!status) return status.error();
    }
  }
  return completed(pipeline, from, std::move(binding), notes);
}

}  // namespace rlx_tool
