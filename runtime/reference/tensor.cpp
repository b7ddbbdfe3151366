// SPDX-License-Identifier: Apache-2.0
#include "runtime/reference/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/reference/round.h"

namespace rlx::reference {

std::int64_t element_count(std::span<const std::int64_t> dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  return count;
}

Sizes dense_strides(std::span<const std::int64_t> dims) {
  Sizes strides(dims.size());
  std::int64_t step = 1;
  for (std::size_t axis = dims.size(); axis-- > 0; step *= dims[axis]) strides[axis] = step;
  return strides;
}

Tensor::Tensor(DType type, Sizes sizes) : dtype(type), dims(std::move(sizes)) {
  const auto size = static_cast<std::size_t>(element_count(dims));
  if (real())
    v.resize(size);
  else
    i.resize(size);
}

double apart(DType dtype, std::int64_t a, std::int64_t b) {
  const auto distance = [&](std::int64_t from, std::int64_t to) {
    const std::uint64_t bits = dtype_bytes(dtype) * 8, steps = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    return bits == 64 ? steps : steps & ((std::uint64_t{1} << bits) - 1);
  };
  return static_cast<double>(std::min(distance(a, b), distance(b, a)));
}

bool Tensor::admits(std::size_t at, std::int64_t seen) const {
  if (seen == i[at]) return true;
  const double most = bound(at);
  if (most == 0) return false;
  const auto known = among.find(at);
  if (std::isinf(most) || known == among.end()) return apart(dtype, i[at], seen) <= most;
  return std::find(known->second.begin(), known->second.end(), seen) != known->second.end();
}

void Tensor::doubt(std::size_t at, double most) {
  need_bounds();
  e[at] = most;
  among.erase(at);
}

void Tensor::doubt(std::size_t at, std::vector<std::int64_t> values) {
  double most = 0;
  for (const std::int64_t value : values) most = std::max(most, apart(dtype, i[at], value));
  doubt(at, most);
  if (most > 0) among[at] = std::move(values);
}

void Tensor::doubt_as(std::size_t at, const Tensor& x, std::size_t from) {
  if (x.bound(from) == 0 && e.empty()) return;
  doubt(at, x.bound(from));
  const auto known = x.among.find(from);
  if (known != x.among.end()) among[at] = known->second;
}

Walk::Walk(std::span<const std::int64_t> dims, std::span<const std::int64_t> strides, std::int64_t offset) {
  const Sizes dense = dense_strides(dims);
  dense_ = offset == 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    dense_ = dense_ && (dims[axis] == 1 || strides[axis] == dense[axis]);
  if (dense_) return;
  const auto count = static_cast<std::size_t>(element_count(dims));
  at_.reserve(count);
  if (count == 0) return;
  Sizes index(dims.size());
  for (std::int64_t position = offset; at_.size() < count;) {
    at_.push_back(position);
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      position += strides[axis];
      if (++index[axis] < dims[axis]) break;
      position -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
}

Walk Walk::repeat(std::span<const std::int64_t> from, std::span<const std::int64_t> to) {
  Sizes strides = dense_strides(from);
  for (std::size_t axis = 0; axis < from.size(); ++axis)
    if (from[axis] != to[axis]) strides[axis] = 0;
  return Walk(to, strides);
}

namespace {

template <class T>
T raw_at(const std::byte* bytes, std::int64_t index) {
  T value;
  std::memcpy(&value, bytes + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void put(std::byte* bytes, std::size_t index, T value) {
  std::memcpy(bytes + index * sizeof(T), &value, sizeof(T));
}

void write_real(DType dtype, std::byte* bytes, std::size_t index, double value) {
  switch (dtype) {
    case DType::kF16:
      return put(bytes, index, f16_bits(value));
    case DType::kBF16:
      return put(bytes, index, bf16_bits(value));
    case DType::kF32:
      return put(bytes, index, static_cast<float>(value));
    default:
      return put(bytes, index, value);
  }
}

/// The greatest value of an integer dtype; bool: 1.
std::int64_t greatest_integer(DType dtype) {
  if (dtype == DType::kBool) return 1;
  const std::uint64_t bits = dtype_bytes(dtype) * 8;
  return static_cast<std::int64_t>(~std::uint64_t{0} >> (64 - bits) >> (is_signed_int(dtype) ? 1 : 0));
}

/// The least number of the dtype that is not below `value` >= 0.
double round_up(DType dtype, double value) {
  const double rounded = round_to(dtype, value);
  if (rounded >= value || std::isnan(value)) return rounded;
  if (dtype == DType::kF16) return f16_value(static_cast<std::uint16_t>(f16_bits(rounded) + 1));
  if (dtype == DType::kBF16) return bf16_value(static_cast<std::uint16_t>(bf16_bits(rounded) + 1));
  return std::nextafter(static_cast<float>(rounded), std::numeric_limits<float>::infinity());
}

}  // namespace

double read_real(DType dtype, const std::byte* bytes, std::int64_t index) {
  switch (dtype) {
    case DType::kF16:
      return f16_value(raw_at<std::uint16_t>(bytes, index));
    case DType::kBF16:
      return bf16_value(raw_at<std::uint16_t>(bytes, index));
    case DType::kF32:
      return raw_at<float>(bytes, index);
    default:
      return raw_at<double>(bytes, index);
  }
}

std::int64_t read_integer(DType dtype, const std::byte* bytes, std::int64_t index) {
  switch (dtype_bytes(dtype)) {
    case 1:
      return wrap(dtype, raw_at<std::int8_t>(bytes, index));
    case 2:
      return wrap(dtype, raw_at<std::int16_t>(bytes, index));
    case 4:
      return wrap(dtype, raw_at<std::int32_t>(bytes, index));
    default:
      return raw_at<std::int64_t>(bytes, index);
  }
}

TensorPtr Operand::load() const {
  const Walk walk(dims, strides, offset);
  if (root && root->count() == static_cast<std::size_t>(element_count(dims)) && root->dims == dims &&
      offset == 0 && (root->count() == 0 || strides == dense_strides(dims)))
    return root;
  auto out = std::make_shared<Tensor>(dtype, dims);
  const std::size_t count = out->count();
  if (raw) {
    if (dtype == DType::kF32)
      for (std::size_t n = 0; n < count; ++n)
        out->v[n] = raw_at<float>(raw, static_cast<std::int64_t>(walk[n]));
    else if (out->real())
      for (std::size_t n = 0; n < count; ++n)
        out->v[n] = read_real(dtype, raw, static_cast<std::int64_t>(walk[n]));
    else
      for (std::size_t n = 0; n < count; ++n)
        out->i[n] = read_integer(dtype, raw, static_cast<std::int64_t>(walk[n]));
    return out;
  }
  if (count == 0) return out;
  for (std::size_t n = 0; n < count && out->real(); ++n) out->v[n] = root->v[walk[n]];
  for (std::size_t n = 0; n < count && !out->real(); ++n) out->i[n] = root->i[walk[n]];
  if (root->e.empty()) return out;
  out->need_bounds();
  for (std::size_t n = 0; n < count; ++n) out->e[n] = root->e[walk[n]];
  for (std::size_t n = 0; n < count && !root->among.empty(); ++n) out->doubt_as(n, *root, walk[n]);
  return out;
}

void Operand::element(std::int64_t position, Tensor& out, std::size_t to) const {
  const std::int64_t at = offset + position;
  if (raw) {
    if (out.real())
      out.v[to] = read_real(dtype, raw, at);
    else
      out.i[to] = read_integer(dtype, raw, at);
    return;
  }
  const auto from = static_cast<std::size_t>(at);
  if (out.real())
    out.v[to] = root->v[from];
  else
    out.i[to] = root->i[from];
  out.doubt_as(to, *root, from);
}

void write_values(const Tensor& tensor, std::byte* bytes) {
  for (std::size_t n = 0; n < tensor.v.size(); ++n) write_real(tensor.dtype, bytes, n, tensor.v[n]);
  for (std::size_t n = 0; n < tensor.i.size(); ++n) {
    switch (dtype_bytes(tensor.dtype)) {
      case 1:
        put(bytes, n, static_cast<std::int8_t>(tensor.i[n]));
        break;
      case 2:
        put(bytes, n, static_cast<std::int16_t>(tensor.i[n]));
        break;
      case 4:
        put(bytes, n, static_cast<std::int32_t>(tensor.i[n]));
        break;
      default:
        put(bytes, n, tensor.i[n]);
    }
  }
}

void write_bounds(const Tensor& tensor, std::byte* bytes) {
  if (!tensor.real()) {
    Tensor bounds(tensor.dtype, tensor.dims);
    const std::int64_t most = greatest_integer(tensor.dtype);  // of u64 its bits
    const double half = tensor.dtype == DType::kU64 ? 0x1p63 : static_cast<double>(most);
    for (std::size_t n = 0; n < tensor.i.size(); ++n)
      bounds.i[n] = tensor.bound(n) < half ? static_cast<std::int64_t>(std::ceil(tensor.bound(n))) : most;
    return write_values(bounds, bytes);
  }
  for (std::size_t n = 0; n < tensor.v.size(); ++n) {
    const double rounded = round_to(tensor.dtype, tensor.v[n]);
    const double own = std::isfinite(rounded) ? std::fabs(rounded - tensor.v[n]) : 0;
    const double sum = tensor.bound(n) + own;
    write_real(tensor.dtype, bytes, n, round_up(tensor.dtype, own ? std::nextafter(sum, INFINITY) : sum));
  }
}

}  // namespace rlx::reference
