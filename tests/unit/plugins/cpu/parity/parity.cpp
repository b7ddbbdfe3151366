// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/plugins/cpu/parity/parity.h"

#include <rlx/host/pipeline.hpp>
#include <rlx/host/runtime.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

// Another backend's test may build these sources for itself.
#ifndef RLX_PARITY_PLUGIN
#define RLX_PARITY_PLUGIN RLX_CPU_PLUGIN
#define RLX_PARITY_KIND "cpu"
#endif

namespace parity {

rlx::OpAttribute size(std::uint32_t key, std::int64_t value) {
  rlx::OpAttribute out;
  out.key = key;
  out.size = value;
  return out;
}

rlx::OpAttribute real(std::uint32_t key, double value) {
  rlx::OpAttribute out;
  out.key = key;
  out.kind = rlx::OpAttribute::Kind::kReal;
  out.real = value;
  return out;
}

rlx::OpAttribute type(std::uint32_t key, DType value) {
  rlx::OpAttribute out;
  out.key = key;
  out.kind = rlx::OpAttribute::Kind::kDtype;
  out.dtype = value;
  return out;
}

rlx::OpAttribute list(std::uint32_t key, const Dims& values) {
  rlx::OpAttribute out;
  out.key = key;
  out.kind = rlx::OpAttribute::Kind::kSizes;
  for (const std::int64_t value : values) out.sizes.push_back(value);
  return out;
}

rlx::OpAttribute reals(std::uint32_t key, std::vector<double> values) {
  rlx::OpAttribute out;
  out.key = key;
  out.kind = rlx::OpAttribute::Kind::kReals;
  out.reals = std::move(values);
  return out;
}

namespace {

Counts counts;

bool is_real(DType dtype) { return dtype >= DType::kF16 && dtype <= DType::kF64; }

std::uint16_t half_bits(float value) {
  const _Float16 half = static_cast<_Float16>(value);
  return std::bit_cast<std::uint16_t>(half);
}

double real_at(DType dtype, const void* data, std::size_t n) {
  switch (dtype) {
    case DType::kF16:
      return static_cast<double>(static_cast<const _Float16*>(data)[n]);
    case DType::kBF16:
      return std::bit_cast<float>(std::uint32_t{static_cast<const std::uint16_t*>(data)[n]} << 16);
    case DType::kF32:
      return static_cast<const float*>(data)[n];
    default:
      return static_cast<const double*>(data)[n];
  }
}

void put_real(DType dtype, void* data, std::size_t n, double value) {
  switch (dtype) {
    case DType::kF16:
      static_cast<std::uint16_t*>(data)[n] = half_bits(static_cast<float>(value));
      break;
    case DType::kBF16:
      static_cast<std::uint16_t*>(data)[n] =
          static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16);
      break;
    case DType::kF32:
      static_cast<float*>(data)[n] = static_cast<float>(value);
      break;
    default:
      static_cast<double*>(data)[n] = value;
  }
}

double draw(Fill fill, std::mt19937& rng, std::size_t n) {
  const double u = static_cast<double>(rng() >> 5) / (1u << 27);
  static const double kSpecials[] = {0.0,   -0.0,   1.0,   -1.0, INFINITY, -INFINITY, NAN,   0.5,
                                     -0.5,  1.5,    -2.5,  2.5,  88.0,     -88.0,     104.0, -104.0,
                                     1e-40, -1e-40, 65504, 3e38, -3e38,    1e-30};
  switch (fill) {
    case Fill::kUniform:
      return 4 * u - 2;
    case Fill::kPositive:
      return 3 * u + 0.01;
    case Fill::kUnit:
      return 1.9 * u - 0.95;
    case Fill::kSmallInts:
      return std::floor(15 * u) - 7;
    case Fill::kTies:
      return std::floor(3 * u) - 1;
    case Fill::kSpecial:
      return n % 3 == 0 ? 6 * u - 3 : kSpecials[rng() % (sizeof kSpecials / sizeof *kSpecials)];
    default:
      return 0;
  }
}

void fill_tensor(rlx::Tensor& tensor, const OperandSpec& spec, std::mt19937& rng) {
  const std::size_t bytes = rlx::dtype_bytes(tensor.dtype());
  for (std::size_t n = 0; n < tensor.bytes() / bytes; ++n) {
    const double value = draw(spec.fill, rng, n);
    if (is_real(tensor.dtype())) {
      put_real(tensor.dtype(), tensor.data(), n, value);
      continue;
    }
    std::int64_t whole = static_cast<std::int64_t>(rng() % 200) - 100;
    if (spec.fill == Fill::kSpecial && n % 2)
      whole = static_cast<std::int64_t>((std::uint64_t{rng()} << 32 | rng()) << rng() % 40);
    if (spec.fill == Fill::kTies || spec.fill == Fill::kSmallInts) whole = static_cast<std::int64_t>(value);
    if (spec.dtype == DType::kBool) whole = static_cast<std::int64_t>(rng() & 1);
    if (spec.index_below > 0)
      whole = static_cast<std::int64_t>(rng() % static_cast<unsigned>(spec.index_below));
    if (!spec.given.empty()) whole = spec.given[n % spec.given.size()];
    std::memcpy(static_cast<char*>(tensor.data()) + n * bytes, &whole, bytes);
  }
}

/// Dims of the input that the operand is a view of.
Dims input_dims(const OperandSpec& spec) {
  Dims dims = spec.dims;
  if (spec.lie == Lie::kTransposed) dims.assign(spec.dims.rbegin(), spec.dims.rend());
  if (spec.lie == Lie::kEverySecond && !dims.empty()) dims.back() *= 2;
  return dims;
}

rlx::Handle view(rlx::ModelBuilder& b, rlx::Handle x, const OperandSpec& spec) {
  const auto rank = static_cast<std::int64_t>(spec.dims.size());
  if (rank == 0) return x;
  const bool some =
      std::find(spec.dims.begin(), spec.dims.end(), 0) == spec.dims.end();  // nothing has no end to begin at
  std::vector<std::int64_t> perm;
  for (std::int64_t axis = rank; axis-- > 0;) perm.push_back(axis);
  switch (spec.lie) {
    case Lie::kTransposed:
      return b.transpose(x, perm);
    case Lie::kReversed:
      return some ? b.slice(x, rank - 1, spec.dims.back() - 1, -1, -1) : x;
    case Lie::kEverySecond:
      return b.slice(x, rank - 1, 0, spec.dims.back() * 2, 2);
    default:
      return x;
  }
}

rlx::Result<rlx::Model> model_of(const OpCase& op) {
  rlx::ModelBuilder b("parity");
  std::vector<rlx::Handle> operands;
  for (std::size_t n = 0; n < op.operands.size(); ++n) {
    const OperandSpec& spec = op.operands[n];
    if (spec.absent) {
      operands.push_back({});
      continue;
    }
    rlx::Sizes dims;
    for (const std::int64_t dim : input_dims(spec)) dims.push_back(dim);
    operands.push_back(view(b, b.input("x" + std::to_string(n), spec.dtype, dims), spec));
  }
  b.set_outputs(b.op(op.opcode, operands, op.attributes));
  return b.finish();
}

const rlx::Device& device(const char* kind) {
  static rlx::Result<rlx::Runtime> runtime = [] {
    rlx::RuntimeOptions options;
    options.plugin_paths = {RLX_PARITY_PLUGIN, RLX_REFERENCE_PLUGIN};
    options.only_plugin_paths = true;
    return rlx::Runtime::discover(options);
  }();
  static rlx::Device tested = runtime->device(RLX_PARITY_KIND).value();
  static rlx::Device reference = runtime->device("reference").value();
  return std::strcmp(kind, "reference") == 0 ? reference : tested;
}

using Outputs = rlx::Result<std::vector<rlx::NamedTensor>>;

Outputs run(const char* kind, const char* emit, const rlx::Model& model,
            const std::vector<rlx::NamedView>& inputs) {
  rlx::CompileOptions options;
  options.fuse = false;
  if (emit) options.backend = {{"emit", emit}, {"carry", "worst"}};
  auto session = rlx::Session::compile(device(kind), model, options);
  if (!session) return std::move(session).error();
  return session->run(inputs);
}

double greatest(DType dtype) {
  if (dtype == DType::kF16) return 65504;
  return dtype == DType::kF64    ? std::numeric_limits<double>::max()
         : dtype == DType::kBF16 ? 0x1.fep127
                                 : 0x1.fffffep127;
}

bool agree(DType dtype, double y, double v, double e) {
  if (std::isnan(v)) return std::isnan(y) || std::isinf(e);
  if (y == v) return true;
  if (std::isinf(y)) return std::fabs(v) + e >= greatest(dtype);
  return std::fabs(y - v) <= e;
}

std::string differences(const OpCase& op, const std::vector<rlx::NamedTensor>& seen,
                        const std::vector<rlx::NamedTensor>& value,
                        const std::vector<rlx::NamedTensor>& bound) {
  std::string text;
  for (std::size_t t = 0; t < seen.size(); ++t) {
    const rlx::Tensor& y = seen[t].tensor;
    const std::size_t bytes = rlx::dtype_bytes(y.dtype()), count = y.bytes() / bytes;
    counts.elements += count;
    std::size_t wrong = 0;
    std::string first;
    const std::size_t columns = op.count_is_last && t == 0 ? static_cast<std::size_t>(y.dims().at(1)) : 0;
    const std::int64_t used = op.count_is_last ? value.at(1).tensor.i64()[0] : 0;
    for (std::size_t n = 0; n < count; ++n) {
      if (columns && static_cast<std::int64_t>(n % columns) >= used) continue;
      if (is_real(y.dtype())) {
        const double a = real_at(y.dtype(), y.data(), n), v = real_at(y.dtype(), value[t].tensor.data(), n);
        const double e = real_at(y.dtype(), bound[t].tensor.data(), n);
        if (agree(y.dtype(), a, v, e)) continue;
        char line[160];
        std::snprintf(line, sizeof line, "seen %.9g, wanted %.9g, bound %.3g", a, v, e);
        if (wrong++ == 0) first = "element " + std::to_string(n) + ": " + line;
      } else if (std::memcmp(static_cast<const char*>(y.data()) + n * bytes,
                             static_cast<const char*>(value[t].tensor.data()) + n * bytes, bytes)) {
        std::int64_t a = 0, v = 0;
        std::memcpy(&a, static_cast<const char*>(y.data()) + n * bytes, bytes);
        std::memcpy(&v, static_cast<const char*>(value[t].tensor.data()) + n * bytes, bytes);
        if (wrong++ == 0)
          first = "element " + std::to_string(n) + ": seen bits " + std::to_string(a) + ", wanted " +
                  std::to_string(v);
      }
    }
    if (wrong)
      text += "result " + std::to_string(t) + ": " + std::to_string(wrong) + " of " + std::to_string(count) +
              " wrong, first " + first + "; ";
  }
  return text;
}

}  // namespace

Counts take_counts() { return std::exchange(counts, {}); }

std::string compare(const OpCase& op, unsigned seed) {
  const auto model = model_of(op);
  if (!model) return "the model: " + model.error().to_string();
  std::mt19937 rng(seed);
  std::vector<rlx::Tensor> tensors;
  std::vector<rlx::NamedView> inputs;
  tensors.reserve(op.operands.size());
  for (std::size_t n = 0; n < op.operands.size(); ++n) {
    if (op.operands[n].absent) continue;
    tensors.emplace_back(op.operands[n].dtype, input_dims(op.operands[n]));
    fill_tensor(tensors.back(), op.operands[n], rng);
    inputs.push_back({"x" + std::to_string(n), tensors.back().view()});
  }
  const Outputs value = run("reference", "value", *model, inputs),
                bound = run("reference", "bound", *model, inputs);
  const Outputs seen = run(RLX_PARITY_KIND, nullptr, *model, inputs);
  if (!value || !seen) {
    const bool both = !value && !seen && value.error().code() == seen.error().code();
    if (both && value.error().code() == rlx::ErrorCode::kDataError) return ++counts.refused, std::string();
    return !value ? "the reference: " + value.error().to_string() : "the backend: " + seen.error().to_string();
  }
  if (!bound) return "the bound: " + bound.error().to_string();
  ++counts.cases;
  return differences(op, *seen, *value, *bound);
}

}  // namespace parity
