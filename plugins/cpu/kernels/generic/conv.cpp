// SPDX-License-Identifier: Apache-2.0
// Direct convolution, a block of one output row at a time.
#include <algorithm>

#include "accumulate.h"
#include "contraction.h"

namespace rlx_cpu {
namespace {

// One spatial axis, outermost first. Unused axes have extent 1 everywhere.
struct Axis {
  int64_t in = 1, kernel = 1, out = 1;
  int64_t stride = 1, low = 0, dilation = 1, input_dilation = 1;
  int64_t x_stride = 0, w_stride = 0;

  // The coordinate of x under output `o` and kernel tap `k`, or -1 if it is border or a hole.
  int64_t source(int64_t o, int64_t k) const {
    const int64_t at = o * stride - low + k * dilation;
    if (at < 0 || at % input_dilation != 0) return -1;
    return at / input_dilation < in ? at / input_dilation : -1;
  }
};

struct Problem {
  View x, w;
  Axis axes[3];
  int64_t channels = 0;  // per group
  int64_t per_group = 0;
  int64_t outputs = 0;
};

template <class W>
class Conv {
 public:
  explicit Conv(const Problem& problem) : p_(problem) {}

  // Outputs [first, first + n) of the innermost row at these coordinates; n <= kBlock.
  const W* row(int64_t image, int64_t output, int64_t o0, int64_t o1, int64_t first, int64_t n) {
    std::fill_n(sums_, n, W(0));
    const int64_t group = output / p_.per_group;
    for (int64_t c = 0; c < p_.channels; ++c) {
      const int64_t x_channel = image * p_.x.strides[0] + (group * p_.channels + c) * p_.x.strides[1];
      const int64_t w_channel = output * p_.w.strides[0] + c * p_.w.strides[1];
      for (int64_t k0 = 0; k0 < p_.axes[0].kernel; ++k0) {
        const int64_t i0 = p_.axes[0].source(o0, k0);
        for (int64_t k1 = 0; i0 >= 0 && k1 < p_.axes[1].kernel; ++k1) {
          const int64_t i1 = p_.axes[1].source(o1, k1);
          if (i1 < 0) continue;
          taps(x_channel + i0 * p_.axes[0].x_stride + i1 * p_.axes[1].x_stride,
               w_channel + k0 * p_.axes[0].w_stride + k1 * p_.axes[1].w_stride, first, n);
        }
      }
    }
    return sums_;
  }

 private:
  // Adds the innermost kernel row that starts at these offsets.
  void taps(int64_t x_offset, int64_t w_offset, int64_t first, int64_t n) {
    const Axis& axis = p_.axes[2];
    for (int64_t k = 0; k < axis.kernel; ++k) {
      W weight;
      widen(p_.w.dtype, element_at(p_.w, w_offset + k * axis.w_stride), &weight, 1);
      if (axis.input_dilation != 1) {
        holes(x_offset, weight, k, first, n);
        continue;
      }
      const int64_t origin = k * axis.dilation - axis.low;  // x coordinate = o * stride + origin
      const int64_t begin = std::max(first, ceil_div(-origin, axis.stride));
      const int64_t end = std::min(first + n, ceil_div(axis.in - origin, axis.stride));
      if (begin >= end) continue;
      View line;
      line.dtype = p_.x.dtype;
      line.rank = 1;
      line.dims[0] = end - begin;
      line.strides[0] = axis.stride * axis.x_stride;
      line.data = element_at(p_.x, x_offset + (begin * axis.stride + origin) * axis.x_stride);
      widen(line.dtype, Cursor(line, 0).read(end - begin, scratch_), values_, end - begin);
      W* sums = sums_ + (begin - first);
      for (int64_t i = 0; i < end - begin; ++i) sums[i] += weight * values_[i];
    }
  }

  void holes(int64_t x_offset, W weight, int64_t k, int64_t first, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = p_.axes[2].source(first + i, k);
      if (at < 0) continue;
      W value;
      widen(p_.x.dtype, element_at(p_.x, x_offset + at * p_.axes[2].x_stride), &value, 1);
      sums_[i] += weight * value;
    }
  }

  const Problem& p_;
  alignas(64) char scratch_[kBlockBytes];
  alignas(64) W values_[kBlock];
  alignas(64) W sums_[kBlock];
};

template <class W>
void run(const Problem& p, const View& y, Range range) {
  Conv<W> conv(p);
  alignas(64) char scratch[kBlockBytes];
  Cursor to(y, range.begin);
  for (int64_t at = range.begin, n; at < range.end; at += n) {
    const int64_t width = p.axes[2].out;
    const int64_t first = at % width;
    int64_t rest = at / width;
    const int64_t o1 = rest % p.axes[1].out;
    rest /= p.axes[1].out;
    const int64_t o0 = rest % p.axes[0].out;
    rest /= p.axes[0].out;
    n = std::min(std::min(kBlock, width - first), range.end - at);
    const W* sums = conv.row(rest / p.outputs, rest % p.outputs, o0, o1, first, n);
    narrow(y.dtype, sums, to.target(n, scratch), n);
    to.commit(n, scratch);
  }
}

KernelStatus describe(const View& x, const View& w, const ConvAttrs& attrs, const View& y, Problem* p) {
  const uint32_t rank = attrs.spatial + 2;
  if (attrs.spatial < 1 || attrs.spatial > 3) return invalid(0, attrs.spatial, 3);
  if (x.rank != rank || w.rank != rank || y.rank != rank) return invalid(0, x.rank, rank);
  const int64_t groups = attrs.groups;
  if (groups < 1 || w.dims[0] % groups != 0 || x.dims[1] != w.dims[1] * groups)
    return invalid(1, x.dims[1], groups);
  if (y.dims[0] != x.dims[0] || y.dims[1] != w.dims[0]) return invalid(1, y.dims[1], w.dims[0]);
  p->x = x;
  p->w = w;
  p->channels = w.dims[1];
  p->outputs = w.dims[0];
  p->per_group = w.dims[0] / groups;
  for (uint32_t s = 0; s < attrs.spatial; ++s) {
    Axis& axis = p->axes[3 - attrs.spatial + s];
    if (attrs.strides[s] < 1 || attrs.dilation[s] < 1 || attrs.input_dilation[s] < 1) return invalid(s);
    axis = {x.dims[s + 2],     w.dims[s + 2],           y.dims[s + 2],    attrs.strides[s], attrs.low[s],
            attrs.dilation[s], attrs.input_dilation[s], x.strides[s + 2], w.strides[s + 2]};
    const int64_t spread = axis.in == 0 ? 0 : (axis.in - 1) * axis.input_dilation + 1;
    const int64_t room = spread + attrs.low[s] + attrs.high[s] - (axis.kernel - 1) * axis.dilation - 1;
    const int64_t wanted = room < 0 ? 0 : room / axis.stride + 1;
    if (axis.out != wanted) return invalid(s + 2, axis.out, wanted);
  }
  return {};
}

}  // namespace

KernelStatus conv(const View& x, const View& w, const ConvAttrs& attrs, const View& y, Range range) {
  const uint32_t acc = resolve_acc(attrs.acc, x.dtype, w.dtype, y.dtype);
  if (acc == RLX_DTYPE_NONE) return unsupported(attrs.acc, x.dtype);
  Problem problem;
  const KernelStatus status = describe(x, w, attrs, y, &problem);
  if (!status.ok() || range.begin >= range.end) return status;
  with_acc(acc, [&](auto zero) { run<decltype(zero)>(problem, y, range); });
  return {};
}

}  // namespace rlx_cpu
