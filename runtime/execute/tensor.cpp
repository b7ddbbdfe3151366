// SPDX-License-Identifier: Apache-2.0
// Tensors that own their bytes.
#include <rlx/host/tensor.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/base/pages.h"

namespace rlx {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kOwnPages = std::size_t{128} << 10;  // from here on outside of the heap

/// Zero-filled; null where there is no memory.
std::shared_ptr<void> from_heap(std::size_t bytes) {
  const std::size_t rounded = std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  void* const memory = std::aligned_alloc(kAlignment, rounded);
  if (!memory) return nullptr;
  std::memset(memory, 0, rounded);
  return {memory, std::free};
}
std::shared_ptr<void> from_pages(std::size_t bytes) {
  void* const memory = take_pages(bytes, kAlignment);
  if (!memory) return nullptr;
  return {memory, [bytes](void* pages) { give_pages(pages, bytes); }};
}

template <class T>
Tensor filled(DType dtype, std::vector<std::int64_t> dims, std::span<const T> values) {
  Tensor tensor(dtype, std::move(dims));
  if (tensor.bytes() != values.size_bytes()) return {};
  if (tensor.bytes()) std::memcpy(tensor.data(), values.data(), tensor.bytes());
  return tensor;
}

template <class T>
std::span<T> elements(DType seen, DType wanted, void* data, std::size_t bytes) {
  return data && seen == wanted ? std::span<T>(static_cast<T*>(data), bytes / sizeof(T)) : std::span<T>();
}

}  // namespace

Tensor::Tensor(DType dtype, std::vector<std::int64_t> dims) {
  std::size_t bytes = dtype_bytes(dtype);
  if (bytes == 0) return;
  for (const std::int64_t size : dims)
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) return;
  if (bytes > SIZE_MAX - kAlignment) return;
  data_ = bytes < kOwnPages ? from_heap(bytes) : from_pages(bytes);
  if (!data_) return;
  dtype_ = dtype;
  dims_ = std::move(dims);
  bytes_ = bytes;
}

Tensor Tensor::of(std::vector<std::int64_t> dims, std::span<const float> values) {
  return filled(DType::kF32, std::move(dims), values);
}
Tensor Tensor::of(std::vector<std::int64_t> dims, std::span<const std::int64_t> values) {
  return filled(DType::kI64, std::move(dims), values);
}

std::span<const float> Tensor::f32() const { return elements<const float>(dtype_, DType::kF32, data_.get(), bytes_); }
std::span<float> Tensor::f32() { return elements<float>(dtype_, DType::kF32, data_.get(), bytes_); }
std::span<const std::int64_t> Tensor::i64() const {
  return elements<const std::int64_t>(dtype_, DType::kI64, data_.get(), bytes_);
}
std::span<std::int64_t> Tensor::i64() { return elements<std::int64_t>(dtype_, DType::kI64, data_.get(), bytes_); }

}  // namespace rlx
