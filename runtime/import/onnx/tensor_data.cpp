// SPDX-License-Identifier: Apache-2.0
// Sizes are checked before any byte is looked at. The host is little-endian, as the format is.
#include "runtime/import/onnx/tensor_data.h"

#include <bit>
#include <cstring>
#include <new>

namespace rlx::onnx_import {
namespace {

static_assert(std::endian::native == std::endian::little);
constexpr int kRankMax = 32;

std::shared_ptr<void> aligned_buffer(std::size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {::operator new(bytes, kAlignment), [](void* p) { ::operator delete(p, kAlignment); }};
}

Error wrong_size(std::size_t seen, std::size_t wanted, const char* unit) {
  return malformed(std::to_string(seen) + " " + unit + " of data, wanted " + std::to_string(wanted));
}

/// A view of a typed field whose element type is ours.
template <class Field>
Result<KeptBytes> viewed(const Field& field, std::size_t elements, const std::shared_ptr<const void>& owner) {
  if (static_cast<std::size_t>(field.size()) != elements)
    return wrong_size(static_cast<std::size_t>(field.size()), elements, "elements");
  return KeptBytes{std::as_bytes(std::span(field.data(), elements)), owner};
}

/// A copy of a typed field with narrower elements; only the low bits count, as the format says.
template <class To, class Field>
Result<KeptBytes> narrowed(const Field& field, std::size_t elements) {
  if (static_cast<std::size_t>(field.size()) != elements)
    return wrong_size(static_cast<std::size_t>(field.size()), elements, "elements");
  const auto buffer = aligned_buffer(elements * sizeof(To));
  for (std::size_t i = 0; i < elements; ++i)
    static_cast<To*>(buffer.get())[i] = static_cast<To>(field.Get(static_cast<int>(i)));
  return KeptBytes{{static_cast<const std::byte*>(buffer.get()), elements * sizeof(To)}, buffer};
}

Result<KeptBytes> typed_bytes(const onnx::TensorProto& tensor, DType dtype, std::size_t elements,
                              const std::shared_ptr<const void>& owner) {
  switch (dtype) {
    case DType::kF32:
      return viewed(tensor.float_data(), elements, owner);
    case DType::kF64:
      return viewed(tensor.double_data(), elements, owner);
    case DType::kI64:
      return viewed(tensor.int64_data(), elements, owner);
    case DType::kU64:
      return viewed(tensor.uint64_data(), elements, owner);
    case DType::kU32:
      return narrowed<std::uint32_t>(tensor.uint64_data(), elements);
    case DType::kI32:
      return viewed(tensor.int32_data(), elements, owner);
    case DType::kI16:
      return narrowed<std::int16_t>(tensor.int32_data(), elements);
    case DType::kI8:
      return narrowed<std::int8_t>(tensor.int32_data(), elements);
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16:
      return narrowed<std::uint16_t>(tensor.int32_data(), elements);
    default:
      return narrowed<std::uint8_t>(tensor.int32_data(), elements);
  }
}

Result<KeptBytes> bytes_of(const onnx::TensorProto& tensor, const DtypeRow& row, std::size_t elements,
                           const std::shared_ptr<const void>& owner, ExternalData& external) {
  const std::size_t wanted = elements * row.bytes;
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    auto outside = external.bytes_of(tensor);
    if (outside && outside->bytes.size() != wanted) return wrong_size(outside->bytes.size(), wanted, "bytes");
    return outside;
  }
  if (!tensor.has_raw_data()) return typed_bytes(tensor, row.dtype, elements, owner);
  const std::string& raw = tensor.raw_data();
  if (raw.size() != wanted) return wrong_size(raw.size(), wanted, "bytes");
  return KeptBytes{std::as_bytes(std::span(raw.data(), raw.size())), owner};
}

/// Tensors of bool must hold 0 or 1; anything else would be a trap for whoever reads them as bool.
std::shared_ptr<const void> checked_bools(const KeptBytes& kept, std::span<const std::byte>& bytes) {
  bool clean = true;
  for (const std::byte b : kept.bytes) clean = clean && std::to_integer<unsigned>(b) <= 1;
  if (clean) return kept.keepalive;
  const auto copy = aligned_buffer(kept.bytes.size());
  for (std::size_t i = 0; i < kept.bytes.size(); ++i)
    static_cast<std::byte*>(copy.get())[i] = std::byte{kept.bytes[i] != std::byte{0}};
  bytes = {static_cast<const std::byte*>(copy.get()), kept.bytes.size()};
  return copy;
}

Result<TensorData> read(const onnx::TensorProto& tensor, const std::shared_ptr<const void>& owner,
                        ExternalData& external) {
  const DtypeRow row = dtype_of(tensor.data_type());
  if (row.dtype == DType::kNone)
    return unsupported("its dtype is " + onnx_type_name(tensor.data_type()) +
                       ", wanted a plain number or bool");
  if (tensor.dims_size() > kRankMax)
    return malformed("rank " + std::to_string(tensor.dims_size()) + ", wanted at most 32");
  if (tensor.has_segment()) return unsupported("it is a segment of a larger tensor");
  TensorData data;
  std::size_t bytes = row.bytes;
  bool empty = false;
  for (const std::int64_t dim : tensor.dims()) {
    if (dim < 0) return malformed("a dim of " + std::to_string(dim) + ", wanted 0 or more");
    empty = empty || dim == 0;
    if (dim && __builtin_mul_overflow(bytes, static_cast<std::size_t>(dim), &bytes))
      return malformed("dims of more than 64 bits");
    data.view.dims.push_back(dim);
  }
  data.elements = empty ? 0 : bytes / row.bytes;
  auto kept = bytes_of(tensor, row, data.elements, owner, external);
  if (!kept) return std::move(kept).error();
  std::span<const std::byte> span = kept->bytes;
  data.keepalive = row.dtype == DType::kBool ? checked_bools(*kept, span) : kept->keepalive;
  if (!span.empty() && reinterpret_cast<std::uintptr_t>(span.data()) % row.bytes != 0) {
    const auto copy = aligned_buffer(span.size());
    std::memcpy(copy.get(), span.data(), span.size());
    span = {static_cast<const std::byte*>(copy.get()), span.size()};
    data.keepalive = copy;
  }
  data.view.dtype = row.dtype;
  data.view.data = span.data();
  data.view.bytes = span.size();
  return data;
}

}  // namespace

Result<TensorData> read_tensor(const onnx::TensorProto& tensor, const std::shared_ptr<const void>& owner,
                               ExternalData& external) {
  auto data = read(tensor, owner, external);
  if (!data) return std::move(data.error()).within("tensor `" + printable(tensor.name()) + "`");
  return data;
}

}  // namespace rlx::onnx_import
