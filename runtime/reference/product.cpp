// SPDX-License-Identifier: Apache-2.0
// Built with -O3: the one place where the interpreter's time goes.
#include "runtime/reference/product.h"

namespace rlx::reference {
namespace {

void add_row(std::size_t n, double factor, const double* __restrict row, double* __restrict y) {
  for (std::size_t j = 0; j < n; ++j) y[j] += factor * row[j];
}

void add_squares(std::size_t n, double factor, const double* __restrict row, double* __restrict y) {
  for (std::size_t j = 0; j < n; ++j) y[j] += factor * row[j] * row[j];
}

void add_sizes(std::size_t n, double factor, const double* __restrict row, double* __restrict y) {
  for (std::size_t j = 0; j < n; ++j) y[j] += factor * std::fabs(row[j]);
}

}  // namespace

void multiply(const Product& p) {
  std::vector<double> squares(p.error && p.independent ? p.m * p.n
                                                       : 0);  // of carried errors, apart from own roundings
  for (std::size_t k = 0; k < p.k; ++k) {
    const double* row = p.b + k * p.n;
    for (std::size_t m = 0; m < p.m; ++m) {
      const double a = p.a[m * p.k + k];
      double* y = p.y + m * p.n;
      add_row(p.n, a, row, y);
      if (!p.error) continue;
      const double bound = p.a_bound ? p.a_bound[m * p.k + k] : 0, size = std::fabs(a) + bound;
      double* error = p.error + m * p.n;
      if (p.independent) {
        double* square = squares.data() + m * p.n;
        add_squares(p.n, size * size, row, error);
        if (bound > 0) add_squares(p.n, bound * bound, row, square);
        if (p.b_bound) add_squares(p.n, size * size * (1 + p.roundoff), p.b_bound + k * p.n, square);
        continue;
      }
      add_sizes(p.n, bound + p.roundoff * size, row, error);
      if (p.b_bound) add_row(p.n, size * (1 + p.roundoff), p.b_bound + k * p.n, error);
    }
  }
  if (!p.error) return;
  for (std::size_t at = 0; at < p.m * p.n; ++at) {
    if (p.independent)
      p.error[at] =
          std::hypot(p.roundoff * (p.error[at] > 0 ? std::fabs(p.y[at]) + 2 * std::sqrt(p.error[at]) : 0),
                     std::sqrt(squares[at]));
    if (p.error[at] > 0) p.error[at] += p.floor;
    settle(p.y[at], p.error[at]);
  }
}

void multiply_integers(std::size_t m, std::size_t k, std::size_t n, const std::int64_t* a,
                       const std::int64_t* b, std::int64_t* y) {
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t inner = 0; inner < k; ++inner)
      for (std::size_t column = 0; column < n; ++column)
        y[row * n + column] =
            static_cast<std::int64_t>(static_cast<std::uint64_t>(y[row * n + column]) +
                                      static_cast<std::uint64_t>(a[row * k + inner]) *
                                          static_cast<std::uint64_t>(b[inner * n + column]));
}

double underflow(const Unit& unit, std::size_t terms) {
  return static_cast<double>(terms) * unit.u * unit.least;
}

TensorPtr factor(const Call& call, TensorPtr x) {
  const ClassRoundoff cost = roundoff_of(call.precision);
  if (!call.bounds || cost.operand == 0 || x->dtype != DType::kF32) return x;
  auto out = std::make_shared<Tensor>(*x);
  out->need_bounds();
  const Unit unit = call.unit(x->dtype);
  for (std::size_t at = 0; at < out->v.size(); ++at) {
    const double size = std::fabs(out->v[at]) + out->e[at];
    if (size == 0 || !std::isfinite(size)) continue;
    out->e[at] = size > cost.most ? kInfinity : combined(unit, out->e[at], cost.operand * std::fmax(size, cost.least));
  }
  return out;
}

Unit accumulator_of(const Call& call, DType dtype) {
  Unit unit = call.unit(dtype);
  if (dtype != DType::kF64) unit.u = std::fmax(unit.u, roundoff_of(call.precision).sum);
  const DType acc = call.dtype(RLX_ATTR_ACC, dtype);
  // A class never goes below f32, and may go above: what accumulates in f64 rounds once more, to the dtype.
  if (acc == DType::kF32 && dtype == DType::kF64) unit.u = 0x1p-24;
  return unit;
}

}  // namespace rlx::reference
