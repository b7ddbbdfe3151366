// SPDX-License-Identifier: Apache-2.0
// layer_norm, rms_norm, group_norm, batch_norm, embed_norm.
// Bounds: with c the centred elements, A = mean c^2 + eps and r = A^-1/2, operands that move by d_i move A by
// at most D = 2 mean(|c| d) + mean d^2, hence the result by d_i r' + |c_i| |r' - r| with r' = (A - D)^-1/2;
// and no element of a normalised row exceeds sqrt(N). Own roundings count twice.
#include <algorithm>

#include "runtime/reference/call.h"
#include "runtime/reference/softmax.h"

namespace rlx::reference {
namespace {

struct Norm {
  Unit unit;
  double eps;
  bool centered;

  /// Normalises `row` in place.
  void run(std::vector<Num>& row, bool bounds) const {
    const auto count = static_cast<double>(row.size());
    double mean = 0, size = 0;
    ErrorSum moved(unit.independent);
    for (const Num& x : row) mean += x.v, size += std::fabs(x.v) + x.e, moved.add(x.e);
    mean = centered ? mean / count : 0;
    double square = 0;
    for (const Num& x : row) square += (x.v - mean) * (x.v - mean);
    const double whole = square / count + eps, r = 1 / std::sqrt(whole);
    const double own = 2 * unit.u;
    // What the centred elements may be off: as their operands, their mean, the rounding of it and of the
    // difference.
    const double shift = centered ? moved.total() / count + 2 * gamma(unit, count + 2) * size / count : 0;
    const auto off = [&](double c, double e) {
      return centered ? combined(unit, e, shift + own * (std::fabs(c) + e)) : e;
    };
    double spread = 0;
    ErrorSum tilt(unit.independent);
    for (const Num& x : row) {
      const double c = std::fabs(x.v - mean), direct = x.e + own * c, d = off(c, x.e);
      // Centred elements sum to 0, so that a common shift leaves mean(c d) as it is.
      tilt.add(2 * c * direct);
      spread += d * d;
    }
    spread = bounds ? (tilt.total() + spread) / count + 2 * gamma(unit, count + 4) * whole : 0;
    const double least = std::max(whole - spread, eps * (1 - own));
    const double r_most = least > 0 ? 1 / std::sqrt(least) : kInfinity;
    const double r_moved = spread * r * r_most / (1 / r + 1 / r_most);
    for (Num& x : row) {
      const double c = x.v - mean, y = c * r;
      double e = 0;
      if (bounds && std::isfinite(y)) {
        e = combined(unit, off(c, x.e) * r_most, std::fabs(c) * r_moved);
        e += 12 * unit.u * (std::fabs(y) + e);
        const double limit = std::fabs(y) + 1.001 * std::sqrt(count);
        if (!(e <= limit)) e = limit;
      }
      x = {y, e};
    }
  }
};

/// Own roundings of gamma * y + beta, twice.
Num scaled(const Unit& unit, Num y, Num gamma_, Num beta) {
  const Num product = mul(unit, y, gamma_);
  Num sum = add(unit, product, beta);
  if (std::isfinite(sum.v)) sum.e += 2 * unit.u * (std::fabs(product.v) + std::fabs(sum.v));
  return sum;
}

Num scaled(const Unit& unit, Num y, Num gamma_) {
  Num product = mul(unit, y, gamma_);
  if (std::isfinite(product.v)) product.e += 2 * unit.u * std::fabs(product.v);
  return product;
}

/// x, or x + residual as a tensor of the dtype of x.
TensorPtr stream(const Call& call, bool residual) {
  const TensorPtr x = call.load(0);
  if (!residual) return x;
  const TensorPtr r = call.load(1);
  auto sum = std::make_shared<Tensor>(x->dtype, x->dims);
  const Unit unit = call.unit(x->dtype);
  for (std::size_t n = 0; n < x->count(); ++n) call.set(*sum, n, add(unit, call.get(*x, n), call.get(*r, n)));
  finish(call, *sum);
  return sum;
}

std::size_t first_axis(const Call& call) {
  return static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, static_cast<std::int64_t>(call.rank(0)) - 1));
}

/// Normalises the rows of z over `size` elements and hands each element to `each(at, column, normalised)`.
template <class Each>
void for_each_row(const Call& call, const Norm& norm, const Tensor& z, std::size_t size, const Each& each) {
  std::vector<Num> row(size);
  for (std::size_t begin = 0; begin + size <= z.count() && size > 0; begin += size) {
    for (std::size_t n = 0; n < size; ++n) row[n] = call.get(z, begin + n);
    norm.run(row, call.bounds);
    for (std::size_t n = 0; n < size; ++n) each(begin + n, n, row[n]);
  }
}

}  // namespace

Status run_layer_norm(Call& call) {
  const bool residual = call.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const std::size_t at_gamma = residual ? 2 : 1;
  const TensorPtr z = stream(call, residual), gamma_ = call.load(at_gamma);
  const TensorPtr beta = call.has(at_gamma + 1) ? call.load(at_gamma + 1) : nullptr;
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const auto size = static_cast<std::size_t>(element_count(std::span(z->dims).subspan(first_axis(call))));
  for_each_row(call, {unit, call.real(RLX_ATTR_EPS, 1e-5), true}, *z, size,
               [&](std::size_t at, std::size_t n, Num x) {
                 call.set(y, at,
                          beta ? scaled(unit, x, call.get(*gamma_, n), call.get(*beta, n))
                               : scaled(unit, x, call.get(*gamma_, n)));
               });
  finish(call, y);
  if (call.out.size() > 1) call.out[1] = *z;
  return {};
}

Status run_rms_norm(Call& call) {
  const bool residual = call.integer(RLX_ATTR_HAS_RESIDUAL, 0) != 0;
  const TensorPtr z = stream(call, residual), gamma_ = call.load(residual ? 2 : 1);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const double offset = call.real(RLX_ATTR_GAMMA_OFFSET, 0);
  const auto size = static_cast<std::size_t>(element_count(std::span(z->dims).subspan(first_axis(call))));
  for_each_row(
      call, {unit, call.real(RLX_ATTR_EPS, 1e-5), false}, *z, size,
      [&](std::size_t at, std::size_t n, Num x) {
        const Num g = call.get(*gamma_, n);
        call.set(
            y, at,
            scaled(unit, x,
                   offset == 0
                       ? g
                       : add(unit, g, {offset, is_exact(unit, offset) ? 0 : unit.u * std::fabs(offset)})));
      });
  finish(call, y);
  if (call.out.size() > 1) call.out[1] = *z;
  return {};
}

Status run_group_norm(Call& call) {
  const TensorPtr x = call.load(0), gamma_ = call.load(1), beta = call.load(2);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const auto groups = static_cast<std::size_t>(call.integer(RLX_ATTR_GROUPS, 1));
  const auto channels = static_cast<std::size_t>(x->dims[1]);
  const auto plane = static_cast<std::size_t>(element_count(std::span(x->dims).subspan(2)));
  const std::size_t size = groups ? channels / groups * plane : 0;
  for_each_row(call, {unit, call.real(RLX_ATTR_EPS, 1e-5), true}, *x, size,
               [&](std::size_t at, std::size_t, Num z) {
                 const std::size_t channel = at / plane % channels;
                 call.set(y, at, scaled(unit, z, call.get(*gamma_, channel), call.get(*beta, channel)));
               });
  finish(call, y);
  return {};
}

Status run_batch_norm(Call& call) {
  const TensorPtr x = call.load(0), gamma_ = call.load(1), beta = call.load(2), mean = call.load(3),
                  var = call.load(4);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const double eps = call.real(RLX_ATTR_EPS, 1e-5);
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 1));
  const auto channels = static_cast<std::size_t>(x->dims[axis]);
  const auto inner = static_cast<std::size_t>(element_count(std::span(x->dims).subspan(axis + 1)));
  const Num eps_number = rounded(unit, eps, 0, is_exact(unit, eps) ? 0 : 1);
  for (std::size_t at = 0; at < x->count(); ++at) {
    const std::size_t c = at / inner % channels;
    const Num spread = unary(unit, RLX_UNARY_RSQRT, add(unit, call.get(*var, c), eps_number));
    const Num scale = mul(unit, spread, call.get(*gamma_, c));
    const Num centered = sub(unit, call.get(*x, at), call.get(*mean, c));
    Num z = add(unit, mul(unit, centered, scale), call.get(*beta, c));
    // Folded, it is x * scale + (beta - mean * scale): roundings of larger numbers, and all of them twice.
    const double sizes =
        (std::fabs(x->v[at]) + std::fabs(mean->v[c])) * std::fabs(scale.v) + std::fabs(beta->v[c]);
    if (std::isfinite(z.v)) z.e += 16 * unit.u * sizes;
    call.set(y, at, z);
  }
  finish(call, y);
  return {};
}

Status run_embed_norm(Call& call) {
  const auto parts = static_cast<std::size_t>(call.integer(RLX_ATTR_PARTS, 1));
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const Sizes rows(y.dims.begin(), y.dims.end() - 1);
  const auto width = static_cast<std::size_t>(y.dims.back());
  Tensor sum(DType::kF32, y.dims), row(y.dtype, {y.dims.back()});
  sum.dtype = unit.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  for (std::size_t part = 0; part < parts; ++part) {
    const TensorPtr ids = call.load(part);
    const Operand& table = call.in[parts + part];
    Sizes aligned(rows.size() - ids->dims.size(), 1);
    aligned.insert(aligned.end(), ids->dims.begin(), ids->dims.end());
    const Walk at_id = Walk::repeat(aligned, rows);
    for (std::size_t n = 0; n < static_cast<std::size_t>(element_count(rows)); ++n) {
      RLX_ASSIGN(const std::int64_t place, resolve_index(call, ids->i[at_id[n]], table.dims[0]));
      for (std::size_t c = 0; c < width; ++c) {
        row.v[c] = 0;
        row.e.clear();
        if (place >= 0)
          table.element(place * table.strides[0] + static_cast<std::int64_t>(c) * table.strides[1], row, c);
        const Num term{row.v[c], ids->bound(at_id[n]) != 0 ? kInfinity : call.bounds ? row.bound(c) : 0};
        const std::size_t at = n * width + c;
        call.set(sum, at, part == 0 ? term : add(unit, call.get(sum, at), term));
      }
    }
  }
  const TensorPtr gamma_ = call.load(2 * parts), beta = call.load(2 * parts + 1);
  for_each_row(call, {unit, call.real(RLX_ATTR_EPS, 1e-5), true}, sum, width,
               [&](std::size_t at, std::size_t n, Num x) {
                 call.set(y, at, scaled(unit, x, call.get(*gamma_, n), call.get(*beta, n)));
               });
  finish(call, y);
  return {};
}

Status run_softmax(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const bool log = call.integer(RLX_ATTR_LOG, 0) != 0;
  const std::size_t axis = first_axis(call);
  const auto size = static_cast<std::size_t>(x->dims[axis]);
  const auto inner = static_cast<std::size_t>(element_count(std::span(x->dims).subspan(axis + 1)));
  std::vector<Num> row(size);
  for (std::size_t line = 0; size > 0 && line < x->count() / size; ++line) {
    const std::size_t begin = line / inner * size * inner + line % inner;
    for (std::size_t n = 0; n < size; ++n) row[n] = call.get(*x, begin + n * inner);
    if (log) {
      log_softmax(unit, row, call.bounds);
    } else {
      const double share = softmax(unit, row, call.bounds);
      for (Num& p : row)
        if (std::isfinite(p.v) && call.bounds) p.e += share * (p.v + p.e) + 4 * unit.u * unit.least;
    }
    for (std::size_t n = 0; n < size; ++n) call.set(y, begin + n * inner, row[n]);
  }
  finish(call, y);
  return {};
}

}  // namespace rlx::reference
