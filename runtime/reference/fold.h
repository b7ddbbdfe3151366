// SPDX-License-Identifier: Apache-2.0
// Folding numbers by sum, prod, max or min, with the bound of every order in which they may be combined.
#pragma once

#include <rlx/ops.h>

#include "runtime/reference/call.h"

namespace rlx::reference {

class Fold {
 public:
  Fold(std::int64_t fn, const Unit& unit) : fn_(fn), unit_(unit) {
    if (fn == RLX_REDUCE_PROD) value_ = size_ = 1;
    if (fn == RLX_REDUCE_MAX) value_ = -kInfinity;
    if (fn == RLX_REDUCE_MIN) value_ = kInfinity;
  }

  void take(Num x) {
    const double size = std::fabs(x.v);
    switch (fn_) {
      case RLX_REDUCE_SUM:
        value_ += x.v, error_ = combined(unit_, error_, x.e), size_ += size + x.e;
        terms_ += x.v != 0 || x.e != 0;
        break;
      case RLX_REDUCE_PROD:
        value_ *= x.v, exact_size_ *= size, size_ *= size + x.e;
        ++terms_;
        break;
      default: {
        const Num next = fn_ == RLX_REDUCE_MAX ? maximum({value_, error_}, x) : minimum({value_, error_}, x);
        value_ = next.v, error_ = next.e;
      }
    }
  }

  Num result() const {
    const Unit& unit = unit_;
    if (fn_ == RLX_REDUCE_MAX || fn_ == RLX_REDUCE_MIN) return {value_, error_};
    if (!std::isfinite(value_))
      return {value_,
              std::isfinite(error_) && (fn_ != RLX_REDUCE_PROD || exact_size_ == size_ || std::isnan(value_))
                  ? 0
                  : kInfinity};
    if (fn_ == RLX_REDUCE_SUM)
      return {value_, terms_ < 2 ? error_ : combined(unit, error_, gamma(unit, terms_ + 1) * size_)};
    const double moved = size_ - exact_size_;
    if (terms_ < 2) return {value_, moved};
    return {value_, moved + gamma(unit, terms_ + 1) * size_ +
                        (value_ == 0 && size_ == 0 ? 0 : terms_ * unit.u * unit.least)};
  }

 private:
  std::int64_t fn_;
  Unit unit_;
  double value_ = 0;
  double error_ = 0;       // of the terms
  double size_ = 0;        // sum, or product, of the greatest magnitudes
  double exact_size_ = 1;  // product of the magnitudes
  double terms_ = 0;       // that are not zero
};

/// The binary FN by which integers and bools are folded, and what it starts from.
inline std::int64_t integer_function(DType dtype, std::int64_t fn) {
  switch (fn) {
    case RLX_REDUCE_SUM:
      return RLX_BINARY_ADD;
    case RLX_REDUCE_PROD:
      return RLX_BINARY_MUL;
    case RLX_REDUCE_MAX:
      return dtype == DType::kBool ? RLX_BINARY_OR : RLX_BINARY_MAX;
    case RLX_REDUCE_MIN:
      return dtype == DType::kBool ? RLX_BINARY_AND : RLX_BINARY_MIN;
    case RLX_REDUCE_ALL:
      return RLX_BINARY_AND;
    default:
      return RLX_BINARY_OR;
  }
}

inline std::int64_t integer_identity(DType dtype, std::int64_t fn) {
  const int bits = static_cast<int>(dtype_bytes(dtype)) * 8;
  if (fn == RLX_REDUCE_PROD || fn == RLX_REDUCE_ALL) return 1;
  if (fn == RLX_REDUCE_MAX) return is_signed_int(dtype) ? INT64_MIN >> (64 - bits) : 0;
  if (fn == RLX_REDUCE_MIN && dtype == DType::kBool) return 1;
  if (fn == RLX_REDUCE_MIN)
    return is_signed_int(dtype) ? INT64_MAX >> (64 - bits)
                                : static_cast<std::int64_t>(~std::uint64_t{0} >> (64 - bits));
  return 0;
}

}  // namespace rlx::reference
