// SPDX-License-Identifier: Apache-2.0
// conv, conv_act, reduce_window, avg_pool: everything that slides a window over space.
#include <algorithm>

#include "runtime/reference/fold.h"
#include "runtime/reference/product.h"

namespace rlx::reference {
namespace {

/// Where the taps of a window lie: per spatial axis, then flattened.
struct Window {
  Sizes size, stride, dilation, input_dilation, low, space, out;

  Window(const Call& call, Sizes window, const Sizes& x, const Sizes& y)
      : size(std::move(window)), space(x.begin() + 2, x.end()), out(y.begin() + 2, y.end()) {
    const std::size_t rank = size.size();
    stride = call.integers_or(RLX_ATTR_STRIDES, rank, 1);
    dilation = call.integers_or(RLX_ATTR_DILATION, rank, 1);
    input_dilation = call.integers_or(RLX_ATTR_INPUT_DILATION, rank, 1);
    low = call.integers_or(RLX_ATTR_LOW, rank, 0);
  }

  std::int64_t taps() const { return element_count(size); }

  /// The element of the image's plane under tap `tap` at result `position`, or -1 in the padding.
  std::int64_t element(std::int64_t position, std::int64_t tap) const {
    std::int64_t at = 0, step = 1;
    for (std::size_t axis = size.size(); axis-- > 0;) {
      const std::int64_t place =
          position % out[axis] * stride[axis] + tap % size[axis] * dilation[axis] - low[axis];
      if (place < 0 || place % input_dilation[axis] != 0 || place / input_dilation[axis] >= space[axis])
        return -1;
      at += place / input_dilation[axis] * step;
      step *= space[axis];
      position /= out[axis];
      tap /= size[axis];
    }
    return at;
  }
};

/// The unrolled image of one group: rows are channels x taps, columns the results' positions.
struct Columns {
  std::vector<double> v, e;
  std::vector<std::int64_t> i;
};

Columns unroll(const Tensor& x, const Window& window, std::size_t first, std::size_t channels,
               std::size_t plane, std::size_t positions) {
  Columns out;
  const auto taps = static_cast<std::size_t>(window.taps());
  (x.real() ? out.v.resize(channels * taps * positions) : out.i.resize(channels * taps * positions));
  if (x.real() && !x.e.empty()) out.e.resize(out.v.size());
  for (std::size_t tap = 0; tap < taps; ++tap) {
    for (std::size_t position = 0; position < positions; ++position) {
      const std::int64_t element =
          window.element(static_cast<std::int64_t>(position), static_cast<std::int64_t>(tap));
      if (element < 0) continue;
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const std::size_t from = (first + channel) * plane + static_cast<std::size_t>(element);
        const std::size_t to = (channel * taps + tap) * positions + position;
        if (x.real())
          out.v[to] = x.v[from];
        else
          out.i[to] = x.i[from];
        if (!out.e.empty()) out.e[to] = x.e[from];
      }
    }
  }
  return out;
}

/// y = conv(x, w), with `more` roundings to come before the result is stored.
void convolve(const Call& call, double more, Tensor& y, std::vector<double>& error) {
  const TensorPtr x = factor(call, call.load(0)), w = factor(call, call.load(1));
  const Window window(call, Sizes(w->dims.begin() + 2, w->dims.end()), x->dims, y.dims);
  const auto groups = static_cast<std::size_t>(call.integer(RLX_ATTR_GROUPS, 1));
  const auto images = static_cast<std::size_t>(x->dims[0]), channels = static_cast<std::size_t>(w->dims[1]);
  const auto results = static_cast<std::size_t>(w->dims[0]) / groups,
             taps = static_cast<std::size_t>(window.taps());
  const auto plane = static_cast<std::size_t>(element_count(window.space)),
             positions = static_cast<std::size_t>(element_count(window.out));
  const std::size_t k = channels * taps;
  const double roundoff = gamma(accumulator_of(call, y.dtype), static_cast<double>(k) + more);
  if (y.real() && call.bounds) error.resize(y.count());
  if (y.count() == 0) return;
  for (std::size_t image = 0; image < images; ++image) {
    for (std::size_t group = 0; group < groups; ++group) {
      const Columns columns =
          unroll(*x, window, (image * groups + group) * channels, channels, plane, positions);
      const std::size_t at_w = group * results * k, at_y = (image * groups + group) * results * positions;
      if (y.real())
        multiply({results, k, positions, w->v.data() + at_w, w->e.empty() ? nullptr : w->e.data() + at_w,
                  columns.v.data(), columns.e.empty() ? nullptr : columns.e.data(), y.v.data() + at_y,
                  call.bounds ? error.data() + at_y : nullptr, roundoff, call.independent,
                  underflow(call.unit(y.dtype), k)});
      else
        multiply_integers(results, k, positions, w->i.data() + at_w, columns.i.data(), y.i.data() + at_y);
    }
  }
}

}  // namespace

Status run_conv(Call& call) {
  Tensor& y = call.out[0];
  std::vector<double> error;
  convolve(call, 1, y, error);
  if (!y.real())
    for (std::int64_t& value : y.i) value = wrap(y.dtype, value);
  y.e = std::move(error);
  finish(call, y);
  return {};
}

Status run_conv_act(Call& call) {
  Tensor& y = call.out[0];
  std::vector<double> error;
  convolve(call, 3, y, error);
  const Unit unit = call.unit(y.dtype);
  const TensorPtr bias = call.integer(RLX_ATTR_HAS_BIAS, 0) ? call.load(2) : nullptr;
  const TensorPtr residual = call.integer(RLX_ATTR_HAS_RESIDUAL, 0) ? call.load(call.in.size() - 1) : nullptr;
  const std::int64_t act = call.integer(RLX_ATTR_ACT, RLX_ACT_NONE);
  const double alpha = call.real(RLX_ATTR_ACT_ALPHA, NAN), beta = call.real(RLX_ATTR_ACT_BETA, NAN);
  const auto positions = static_cast<std::size_t>(element_count(std::span(y.dims).subspan(2)));
  for (std::size_t at = 0; at < y.count(); ++at) {
    Num z{y.v[at], call.bounds ? error[at] : 0};
    if (bias) z = add(unit, stored(unit, z), call.get(*bias, at / positions % bias->count()));
    if (residual) z = add(unit, stored(unit, z), call.get(*residual, at));
    call.set(y, at, activation(unit, act, alpha, beta, rounds_once(act) ? z : stored(unit, z)));
  }
  finish(call, y);
  return {};
}

namespace {

/// Calls `each(result, taps)` for every result: the places of x under its window.
template <class Each>
void for_each_window(const Call& call, const Tensor& x, const Tensor& y, const Each& each) {
  const Window window(call, call.integers(RLX_ATTR_WINDOW), x.dims, y.dims);
  const std::int64_t plane = element_count(window.space), positions = element_count(window.out);
  std::vector<std::int64_t> taps;
  for (std::size_t at = 0; at < y.count(); ++at) {
    const std::int64_t channel = static_cast<std::int64_t>(at) / positions;
    taps.clear();
    for (std::int64_t tap = 0; tap < window.taps(); ++tap)
      if (const std::int64_t element = window.element(static_cast<std::int64_t>(at) % positions, tap);
          element >= 0)
        taps.push_back(element);
    each(at, taps, static_cast<std::size_t>(channel * plane));
  }
}

}  // namespace

Status run_reduce_window(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const std::int64_t fn = call.integer(RLX_ATTR_FN, RLX_REDUCE_MAX);
  Tensor* index = call.out.size() > 1 ? &call.out[1] : nullptr;
  for_each_window(call, *x, y, [&](std::size_t at, const std::vector<std::int64_t>& taps, std::size_t plane) {
    std::int64_t best = -1;
    if (y.real()) {
      Fold fold(fn, call.unit(y.dtype));
      for (const std::int64_t tap : taps) {
        const std::size_t place = plane + static_cast<std::size_t>(tap);
        fold.take(call.get(*x, place));
        const double seen = best < 0 ? 0 : x->v[plane + static_cast<std::size_t>(best)];
        if (best < 0 || (!std::isnan(seen) && !(x->v[place] <= seen))) best = tap;
      }
      call.set(y, at, fold.result());
    } else {
      y.i[at] = integer_identity(y.dtype, fn);
      for (const std::int64_t tap : taps) {
        const std::int64_t before = y.i[at];
        y.i[at] = binary_integer(y.dtype, integer_function(y.dtype, fn), before,
                                 x->i[plane + static_cast<std::size_t>(tap)]);
        if (best < 0 || y.i[at] != before) best = tap;
      }
    }
    if (index) index->i[at] = std::max<std::int64_t>(best, 0);
  });
  finish(call, y);
  return {};
}

Status run_avg_pool(Call& call) {
  const TensorPtr x = call.load(0);
  Tensor& y = call.out[0];
  const Unit unit = call.unit(y.dtype);
  const bool all = call.integer(RLX_ATTR_COUNT_INCLUDE_PAD, 0) != 0;
  const auto whole = static_cast<double>(element_count(call.integers(RLX_ATTR_WINDOW)));
  for_each_window(call, *x, y, [&](std::size_t at, const std::vector<std::int64_t>& taps, std::size_t plane) {
    Fold fold(RLX_REDUCE_SUM, unit);
    for (const std::int64_t tap : taps) fold.take(call.get(*x, plane + static_cast<std::size_t>(tap)));
    const Num sum = fold.result();
    const double divisor = all ? whole : static_cast<double>(taps.size());
    // A multiplication by the rounded reciprocal is as good.
    Num mean = div(unit, sum, {divisor, 0});
    if (std::isfinite(mean.v) && mean.e > 0) mean.e += 2 * unit.u * std::fabs(mean.v);
    call.set(y, at, mean);
  });
  finish(call, y);
  return {};
}

}  // namespace rlx::reference
