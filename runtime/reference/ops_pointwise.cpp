// SPDX-License-Identifier: Apache-2.0
// unary, binary, compare, select, act and gated_act.
#include <cmath>

#include "runtime/reference/call.h"

namespace rlx::reference {

Status run_unary(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, 0);
  const std::size_t count = x->count();
  if (x->real() && y.real()) {
    const Unit unit = call.unit(y.dtype);
    for (std::size_t n = 0; n < count; ++n) call.set(y, n, unary(unit, fn, call.get(*x, n)));
    finish(call, y);
    return {};
  }
  for (std::size_t n = 0; n < count; ++n) {
    if (!x->real()) {
      y.i[n] = unary_integer(x->dtype, fn, x->i[n]);
    } else if (fn == RLX_UNARY_ISNAN) {
      y.i[n] = std::isnan(x->v[n]);
    } else {
      y.i[n] = std::isinf(x->v[n]) && (x->v[n] > 0) == (fn == RLX_UNARY_ISINF_POS);
    }
  }
  y.e = x->e;
  for (double& e : y.e) {
    if (x->real()) e = std::isfinite(e) ? 0 : 1;
    if (fn == RLX_UNARY_SIGN) e = e == 0 ? 0 : 2;
  }
  return {};
}

namespace {

/// Marks truth `at` as one of both.
void mark(Tensor& y, std::size_t at) { y.doubt(at, 1); }

}  // namespace

Status run_binary(Call& call) {
  const TensorPtr a = call.load(0), b = call.load(1);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, 0);
  const Walk at_a = Walk::repeat(a->dims, y.dims), at_b = Walk::repeat(b->dims, y.dims);
  if (y.real()) {
    const Unit unit = call.unit(y.dtype);
    for (std::size_t n = 0; n < y.v.size(); ++n)
      call.set(y, n, binary(unit, fn, call.get(*a, at_a[n]), call.get(*b, at_b[n])));
    finish(call, y);
    return {};
  }
  for (std::size_t n = 0; n < y.i.size(); ++n) {
    y.i[n] = binary_integer(y.dtype, fn, a->i[at_a[n]], b->i[at_b[n]]);
    if (a->bound(at_a[n]) == 0 && b->bound(at_b[n]) == 0) continue;
    const bool and_by_a = fn == RLX_BINARY_AND && a->bound(at_a[n]) == 0 && a->i[at_a[n]] == 0;
    const bool and_by_b = fn == RLX_BINARY_AND && b->bound(at_b[n]) == 0 && b->i[at_b[n]] == 0;
    if (and_by_a || and_by_b) continue;
    y.doubt(n, doubt_of_integers(y.dtype, fn, {a->i[at_a[n]], a->bound(at_a[n])}, {b->i[at_b[n]], b->bound(at_b[n])}));
  }
  return {};
}

namespace {

template <class T>
bool compared(std::int64_t fn, T a, T b) {
  switch (fn) {
    case RLX_COMPARE_EQ:
      return a == b;
    case RLX_COMPARE_NE:
      return a != b;
    case RLX_COMPARE_LT:
      return a < b;
    case RLX_COMPARE_LE:
      return a <= b;
    case RLX_COMPARE_GT:
      return a > b;
    default:
      return a >= b;
  }
}

}  // namespace

Status run_compare(Call& call) {
  const TensorPtr a = call.load(0), b = call.load(1);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, 0);
  const Walk at_a = Walk::repeat(a->dims, y.dims), at_b = Walk::repeat(b->dims, y.dims);
  for (std::size_t n = 0; n < y.i.size(); ++n) {
    const std::size_t p = at_a[n], q = at_b[n];
    const double slack = a->bound(p) + b->bound(q);
    if (a->real()) {
      y.i[n] = compared(fn, a->v[p], b->v[q]);
      if (slack > 0 && !(std::fabs(a->v[p] - b->v[q]) > slack)) mark(y, n);
      continue;
    }
    y.i[n] = a->dtype == DType::kU64
                 ? compared(fn, static_cast<std::uint64_t>(a->i[p]), static_cast<std::uint64_t>(b->i[q]))
                 : compared(fn, a->i[p], b->i[q]);
    if (slack > 0) mark(y, n);
  }
  return {};
}

Status run_select(Call& call) {
  const TensorPtr c = call.load(0), t = call.load(1), f = call.load(2);
  Tensor& y = call.out[0];
  const Walk at_c = Walk::repeat(c->dims, y.dims);
  const Walk at_t = Walk::repeat(t->dims, y.dims), at_f = Walk::repeat(f->dims, y.dims);
  const std::size_t count = y.count();
  for (std::size_t n = 0; n < count; ++n) {
    const bool yes = c->i[at_c[n]] != 0;
    const Tensor& chosen = yes ? *t : *f;
    const Tensor& other = yes ? *f : *t;
    const std::size_t p = yes ? at_t[n] : at_f[n], q = yes ? at_f[n] : at_t[n];
    double e = chosen.bound(p);
    if (y.real()) {
      y.v[n] = chosen.v[p];
      if (c->bound(at_c[n]) > 0) {
        const double apart = chosen.v[p] == other.v[q] ? 0 : std::fabs(chosen.v[p] - other.v[q]);
        e = std::isnan(apart) ? kInfinity : std::fmax(e, apart + other.bound(q));
      }
    } else {
      y.i[n] = chosen.i[p];
      if (c->bound(at_c[n]) > 0 && (chosen.i[p] != other.i[q] || other.bound(q) > 0))
        e = std::fmax(e, apart(y.dtype, chosen.i[p], other.i[q]) + other.bound(q));
    }
    if (e == 0) continue;
    y.need_bounds();
    y.e[n] = e;
  }
  return {};
}

Status run_act(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const std::int64_t act = call.integer(RLX_ATTR_FN, RLX_ACT_NONE);
  const double alpha = call.real(RLX_ATTR_ACT_ALPHA, NAN), beta = call.real(RLX_ATTR_ACT_BETA, NAN);
  for (std::size_t n = 0; n < x->v.size(); ++n)
    call.set(y, n, activation(unit, act, alpha, beta, call.get(*x, n)));
  finish(call, y);
  return {};
}

Status run_gated_act(Call& call) {
  const TensorPtr a = call.load(0), b = call.load(1);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const std::int64_t act = call.integer(RLX_ATTR_ACT, RLX_ACT_NONE);
  const double alpha = call.real(RLX_ATTR_ACT_ALPHA, NAN), beta = call.real(RLX_ATTR_ACT_BETA, NAN);
  const Walk at_a = Walk::repeat(a->dims, y.dims), at_b = Walk::repeat(b->dims, y.dims);
  for (std::size_t n = 0; n < y.v.size(); ++n) {
    const Num gate = stored(unit, activation(unit, act, alpha, beta, call.get(*a, at_a[n])));
    call.set(y, n, mul(unit, gate, call.get(*b, at_b[n])));
  }
  finish(call, y);
  return {};
}

}  // namespace rlx::reference
