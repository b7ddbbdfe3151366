// SPDX-License-Identifier: Apache-2.0
// Tensors of the interpreter: float64 values with an absolute error bound each, or 64-bit integers; and
// operands, which are strided windows onto a tensor or onto bytes of the caller.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "runtime/base/span.h"
#include "runtime/ir/dtype.h"

namespace rlx::reference {

using Sizes = std::vector<std::int64_t>;

std::int64_t element_count(std::span<const std::int64_t> dims);
/// Row-major strides in elements.
Sizes dense_strides(std::span<const std::int64_t> dims);

/// Dense row-major. Floats are in `v`, everything else in `i` (u64 as its bits, bool as 0 or 1).
/// `e`: of each element the most by which any permitted implementation may differ, infinite where that is not known;
/// integers wrap around. Empty means that all are exact.
struct Tensor {
  DType dtype = DType::kNone;
  Sizes dims;
  std::vector<double> v;
  std::vector<double> e;
  std::vector<std::int64_t> i;
  /// Of integers whose `e` is finite and not 0: the admissible values, where they are known one by one.
  std::map<std::size_t, std::vector<std::int64_t>> among;

  Tensor() = default;
  Tensor(DType type, Sizes sizes);
  bool real() const { return is_float(dtype); }
  std::size_t count() const { return real() ? v.size() : i.size(); }
  double bound(std::size_t at) const { return e.empty() ? 0 : e[at]; }
  /// Makes room for bounds, all zero.
  void need_bounds() {
    if (e.empty()) e.resize(count());
  }
  /// Whether integer `at` may be `seen`.
  bool admits(std::size_t at, std::int64_t seen) const;
  /// Integer `at` may be any within `most` of it.
  void doubt(std::size_t at, double most);
  /// Integer `at` may be any of `values` and no other.
  void doubt(std::size_t at, std::vector<std::int64_t> values);
  /// What may stand at `from` of `x` may stand at `at`.
  void doubt_as(std::size_t at, const Tensor& x, std::size_t from);
};
/// |a - b| where integers of `dtype` wrap around.
double apart(DType dtype, std::int64_t a, std::int64_t b);
using TensorPtr = std::shared_ptr<const Tensor>;

/// Element numbers of a strided walk in row-major order of `dims`.
class Walk {
 public:
  Walk(std::span<const std::int64_t> dims, std::span<const std::int64_t> strides, std::int64_t offset = 0);
  /// Over a dense tensor of dims `from` repeated to dims `to` of equal rank; dims of `from` are 1 or those of
  /// `to`.
  static Walk repeat(std::span<const std::int64_t> from, std::span<const std::int64_t> to);
  std::size_t operator[](std::size_t n) const { return dense_ ? n : static_cast<std::size_t>(at_[n]); }

 private:
  bool dense_ = false;
  std::vector<std::int64_t> at_;
};

/// What an op reads. Absent operands have dtype kNone.
struct Operand {
  DType dtype = DType::kNone;
  Sizes dims;
  Sizes strides;                   ///< in elements
  std::int64_t offset = 0;         ///< of element [0,..,0], in elements
  const std::byte* raw = nullptr;  ///< the root's bytes, or
  TensorPtr root;                  ///< the root's tensor

  bool present() const { return dtype != DType::kNone; }
  /// The same elements, dense; shares the root where that is what it is.
  TensorPtr load() const;
  /// Copies the element at `position` elements from [0,..,0] to element `to` of `out`.
  void element(std::int64_t position, Tensor& out, std::size_t to) const;
};

/// One element of `dtype` at element `index` of bytes: a float64, or an integer.
double read_real(DType dtype, const std::byte* bytes, std::int64_t index);
std::int64_t read_integer(DType dtype, const std::byte* bytes, std::int64_t index);

/// The values rounded to their dtype, as bytes.
void write_values(const Tensor& tensor, std::byte* bytes);
/// The bounds, rounded up: each covers the rounding of the value that write_values gives too. Of an integer the most by
/// which another admissible value may differ; the greatest value of the dtype (bool: 1) says that any may stand there.
void write_bounds(const Tensor& tensor, std::byte* bytes);

}  // namespace rlx::reference
