// SPDX-License-Identifier: Apache-2.0
// arg_reduce, top_k, nonzero: answers that depend on an order.
#include <algorithm>
#include <numeric>

#include "runtime/reference/call.h"

namespace rlx::reference {
namespace {

/// a before b where the greatest come first; NaN counts as greater than every number.
bool greater(const Tensor& x, std::size_t a, std::size_t b) {
  if (!x.real())
    return x.dtype == DType::kU64 ? static_cast<std::uint64_t>(x.i[a]) > static_cast<std::uint64_t>(x.i[b])
                                  : x.i[a] > x.i[b];
  if (std::isnan(x.v[a]) || std::isnan(x.v[b])) return std::isnan(x.v[a]) && !std::isnan(x.v[b]);
  return x.v[a] > x.v[b];
}

bool is_nan(const Tensor& x, std::size_t at) { return x.real() && std::isnan(x.v[at]); }

/// Lines along one axis: the place of element k of line n.
struct Lines {
  std::size_t size, inner, count;
  Lines(const Tensor& x, std::size_t axis)
      : size(static_cast<std::size_t>(x.dims[axis])),
        inner(static_cast<std::size_t>(element_count(std::span(x.dims).subspan(axis + 1)))),
        count(static_cast<std::size_t>(element_count(std::span(x.dims).first(axis))) * inner) {}
  std::size_t place(std::size_t line, std::size_t k) const {
    return line / inner * size * inner + k * inner + line % inner;
  }
};

/// True where bounds allow another order of two elements.
bool close(const Tensor& x, std::size_t a, std::size_t b) {
  const double slack = x.bound(a) + x.bound(b);
  if (slack == 0) return false;
  return !x.real() || !(std::fabs(x.v[a] - x.v[b]) > slack);
}

void mark(Tensor& y, std::size_t at, double e) {
  if (e == 0) return;
  y.need_bounds();
  y.e[at] = e;
}

}  // namespace

Status run_arg_reduce(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const bool least = call.integer(RLX_ATTR_FN, RLX_REDUCE_MAX) == RLX_REDUCE_MIN;
  const bool last = call.integer(RLX_ATTR_TIE, RLX_TIE_FIRST) == RLX_TIE_LAST;
  const Lines lines(*x, static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0)));
  for (std::size_t line = 0; line < lines.count && lines.size > 0; ++line) {
    std::size_t best = 0;
    const auto beats = [&](std::size_t a, std::size_t b) {
      if (is_nan(*x, a) || is_nan(*x, b)) return is_nan(*x, a) && !is_nan(*x, b);
      return least ? greater(*x, b, a) : greater(*x, a, b);
    };
    for (std::size_t k = 1; k < lines.size; ++k) {
      const std::size_t a = lines.place(line, k), b = lines.place(line, best);
      if (beats(a, b) || (last && !beats(b, a))) best = k;
    }
    y.i[line] = static_cast<std::int64_t>(best);
    std::vector<std::int64_t> may;
    for (std::size_t k = 0; k < lines.size; ++k)
      if (k == best || close(*x, lines.place(line, k), lines.place(line, best))) may.push_back(static_cast<std::int64_t>(k));
    if (may.size() > 1) y.doubt(line, std::move(may));
  }
  return {};
}

namespace {

/// Which elements of a line may come k-th: those that no more than k others surely come before, and enough may follow.
void doubt_places(const Tensor& x, const Lines& from, const Lines& to, std::size_t line, const std::vector<std::size_t>& order, Tensor& indices) {
  std::vector<std::size_t> first(order.size()), last(order.size(), order.size() - 1);  // by place in `order`
  for (std::size_t a = 0; a < order.size(); ++a)
    for (std::size_t b = a + 1; b < order.size(); ++b)
      if (!close(x, from.place(line, order[a]), from.place(line, order[b]))) ++first[b], --last[a];
  for (std::size_t k = 0; k < to.size; ++k) {
    std::vector<std::int64_t> may;
    for (std::size_t a = 0; a < order.size(); ++a)
      if (first[a] <= k && k <= last[a]) may.push_back(static_cast<std::int64_t>(order[a]));
    if (may.size() > 1) indices.doubt(to.place(line, k), std::move(may));
  }
}

}  // namespace

Status run_top_k(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& values = call.out[0];
  const bool largest = call.integer(RLX_ATTR_LARGEST, 1) != 0;
  const auto axis = static_cast<std::size_t>(call.integer(RLX_ATTR_AXIS, 0));
  const Lines from(*x, axis), to(values, axis);
  std::vector<std::size_t> order(from.size);
  for (std::size_t line = 0; line < to.count; ++line) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const std::size_t p = from.place(line, a), q = from.place(line, b);
      return largest ? greater(*x, p, q) : greater(*x, q, p);
    });
    double worst = 0;  // a k-th value moves by no more than the most that any element moves
    bool unsure = false;
    for (std::size_t k = 0; k < from.size; ++k) {
      worst = std::max(worst, x->bound(from.place(line, k)));
      unsure = unsure || (k > 0 && close(*x, from.place(line, order[k - 1]), from.place(line, order[k])));
    }
    for (std::size_t k = 0; k < to.size; ++k) {
      const std::size_t source = from.place(line, order[k]), place = to.place(line, k);
      if (values.real())
        values.v[place] = x->v[source];
      else
        values.i[place] = x->i[source];
      mark(values, place, unsure ? worst : x->bound(source));
      if (call.out.size() < 2) continue;
      call.out[1].i[place] = static_cast<std::int64_t>(order[k]);
    }
    if (unsure && call.out.size() > 1) doubt_places(*x, from, to, line, order, call.out[1]);
  }
  return {};
}

Status run_nonzero(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& indices = call.out[0];
  const std::size_t rank = x->dims.size();
  const std::int64_t cap = indices.dims[1];
  const Sizes strides = dense_strides(x->dims);
  std::int64_t count = 0;
  bool unsure = false;
  for (std::size_t n = 0; n < x->count(); ++n) {
    unsure = unsure || (x->bound(n) > 0 && (!x->real() || std::fabs(x->v[n]) <= x->bound(n)));
    if (x->real() ? x->v[n] == 0 : x->i[n] == 0) continue;
    if (count == cap) return fail(ErrorCode::kDataError, "more than ", cap, " elements are not zero");
    for (std::size_t axis = 0; axis < rank; ++axis)
      indices.i[axis * static_cast<std::size_t>(cap) + static_cast<std::size_t>(count)] =
          static_cast<std::int64_t>(n) / strides[axis] % x->dims[axis];
    ++count;
  }
  if (call.out.size() > 1) call.out[1].i[0] = count;
  for (std::size_t n = 0; n < indices.count() && unsure; ++n) {
    const auto last = static_cast<double>(std::max<std::int64_t>(x->dims[n / static_cast<std::size_t>(cap)] - 1, 0));
    indices.doubt(n, std::max(static_cast<double>(indices.i[n]), last - static_cast<double>(indices.i[n])));
  }
  if (unsure && call.out.size() > 1) call.out[1].doubt(0, static_cast<double>(std::min(cap, element_count(x->dims))));
  return {};
}

}  // namespace rlx::reference
