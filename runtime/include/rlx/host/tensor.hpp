// SPDX-License-Identifier: Apache-2.0
// Tensors at the border: views of memory that the host owns, and tensors that own their bytes. Dense row-major.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// Borrowed memory with a dtype and dims. Element alignment suffices. Lifetime: whoever made it says; a call that takes
/// one borrows it until it returns unless it says otherwise.
struct TensorView {
  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  const void* data = nullptr;
  std::size_t bytes = 0;
};

/// The same, writable: where a run puts an output.
struct MutableTensorView {
  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  void* data = nullptr;
  std::size_t bytes = 0;
};

/// A tensor that owns its bytes (64-byte aligned).
class RLX_API Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. A negative dim or a size that overflows gives an empty tensor of dtype kNone.
  Tensor(DType dtype, std::vector<std::int64_t> dims);
  /// Copies `values`; their count must be the product of dims, else the tensor is of dtype kNone.
  static Tensor of(std::vector<std::int64_t> dims, std::span<const float> values);
  static Tensor of(std::vector<std::int64_t> dims, std::span<const std::int64_t> values);

  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  std::size_t bytes() const { return bytes_; }
  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }
  /// The elements as floats or i64s; empty where the dtype is another.
  std::span<const float> f32() const;
  std::span<float> f32();
  std::span<const std::int64_t> i64() const;
  std::span<std::int64_t> i64();

  TensorView view() const { return {dtype_, dims_, data_.get(), bytes_}; }
  MutableTensorView mutable_view() { return {dtype_, dims_, data_.get(), bytes_}; }

 private:
  DType dtype_ = DType::kNone;
  std::vector<std::int64_t> dims_;
  std::size_t bytes_ = 0;
  std::shared_ptr<void> data_;
};

/// A tensor with the name it goes by.
struct NamedView {
  std::string name;
  TensorView view;
};
struct NamedMutableView {
  std::string name;
  MutableTensorView view;
};
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// 128 bits that name a tensor's bytes (XXH3-128); zero = none. Trusted: equal names are equal bytes.
struct ContentHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const ContentHash&) const = default;
};

/// Weights from outside: borrowed bytes and what keeps them alive (a mapping, a buffer; may be null for static memory).
struct ParamSource {
  std::string name;
  TensorView view;
  std::shared_ptr<const void> keepalive;
  ContentHash hash = {};
};

}  // namespace rlx
