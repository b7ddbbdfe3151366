// SPDX-License-Identifier: Apache-2.0
// General dot: two loop orders, chosen by b's layout alone, so that every element sums in one order whoever
// computes it.
#include <algorithm>

#include "accumulate.h"
#include "contraction.h"

namespace rlx_cpu {
namespace {

constexpr int64_t kLanes = 8;

// The operand's dims sorted by role; every view starts at the operand's origin.
struct Roles {
  View batch;
  View contract;
  View free;
};

bool take(const View& x, uint32_t count, const uint32_t* axes, View* part, uint32_t* taken) {
  part->dtype = x.dtype;
  part->data = x.data;
  for (uint32_t i = 0; i < count; ++i) {
    if (axes[i] >= x.rank || (*taken >> axes[i] & 1u)) return false;
    *taken |= 1u << axes[i];
    part->dims[part->rank] = x.dims[axes[i]];
    part->strides[part->rank++] = x.strides[axes[i]];
  }
  return true;
}

bool sort_dims(const View& x, uint32_t batch_count, const uint32_t* batch, uint32_t contract_count,
               const uint32_t* contract, Roles* roles) {
  uint32_t taken = 0;
  if (batch_count + contract_count > x.rank) return false;
  if (!take(x, batch_count, batch, &roles->batch, &taken)) return false;
  if (!take(x, contract_count, contract, &roles->contract, &taken)) return false;
  roles->free = drop_axes(x, taken);
  return true;
}

int64_t fastest_step(const View& view) {
  int64_t best = INT64_MAX;
  for (uint32_t d = 0; d < view.rank; ++d) {
    if (view.dims[d] > 1) best = std::min(best, view.strides[d] < 0 ? -view.strides[d] : view.strides[d]);
  }
  return best;
}

View moved(const View& view, const View& by, int64_t position) {
  View result = view;
  result.data = element_at(view, offset_of(position, by.rank, by.dims, by.strides));
  return result;
}

template <class W>
class Dot {
 public:
  Dot(const Roles& a, const Roles& b)
      : a_(a),
        b_(b),
        depth_(element_count(a.contract)),
        by_lines_(fastest_step(b.contract) < fastest_step(b.free) || element_count(b.free) == 1) {}

  // Outputs [first, first + n) of the row (batch, m); n <= kBlock.
  void row(int64_t batch, int64_t m, int64_t first, int64_t n) {
    std::fill_n(sums_, n, W(0));
    View a = moved(a_.contract, a_.batch, batch);
    a.data = moved(a, a_.free, m).data;
    Cursor from(a, 0);
    const int64_t b_offset = offset_of(batch, b_.batch.rank, b_.batch.dims, b_.batch.strides);
    if (by_lines_) {
      lines(a, b_offset, first, n);
      return;
    }
    View b = b_.free;
    for (int64_t k = 0; k < depth_; ++k) {
      if (k % kBlock == 0) read_left(from, k);
      const W factor = left_[k % kBlock];
      b.data = element_at(b_.free,
                          b_offset + offset_of(k, b_.contract.rank, b_.contract.dims, b_.contract.strides));
      widen(b.dtype, Cursor(b, first).read(n, scratch_), right_, n);
      for (int64_t i = 0; i < n; ++i) sums_[i] += factor * right_[i];
    }
  }
  const W* sums() const { return sums_; }

 private:
  void read_left(Cursor& from, int64_t k) {
    const int64_t n = std::min(kBlock, depth_ - k);
    widen(a_.contract.dtype, from.read(n, left_scratch_), left_, n);
  }

  void lines(const View& a, int64_t b_offset, int64_t first, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      View b = b_.contract;
      b.data = element_at(b_.contract,
                          b_offset + offset_of(first + i, b_.free.rank, b_.free.dims, b_.free.strides));
      Cursor left(a, 0);
      Cursor right(b, 0);
      W lanes[kLanes] = {};
      for (int64_t k = 0; k < depth_; k += kBlock) {
        const int64_t count = std::min(kBlock, depth_ - k);
        if (depth_ > kBlock || i == 0) read_left(left, k);
        widen(b.dtype, right.read(count, scratch_), right_, count);
        int64_t j = 0;
        for (; j + kLanes <= count; j += kLanes) {
          for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += left_[j + lane] * right_[j + lane];
        }
        for (; j < count; ++j) lanes[j % kLanes] += left_[j] * right_[j];
      }
      for (int64_t lane = 0; lane < kLanes; ++lane) sums_[i] += lanes[lane];
    }
  }

  const Roles& a_;
  const Roles& b_;
  int64_t depth_;
  bool by_lines_;
  alignas(64) char scratch_[kBlockBytes];
  alignas(64) char left_scratch_[kBlockBytes];
  alignas(64) W left_[kBlock];
  alignas(64) W right_[kBlock];
  alignas(64) W sums_[kBlock];
};

template <class W>
void run(const Roles& a, const Roles& b, const View& y, Range range) {
  Dot<W> dot(a, b);
  const int64_t width = element_count(b.free);
  const int64_t rows = element_count(a.free);
  alignas(64) char scratch[kBlockBytes];
  Cursor to(y, range.begin);
  for (int64_t at = range.begin, n; at < range.end; at += n) {
    const int64_t first = at % width;
    n = std::min(std::min(kBlock, width - first), range.end - at);
    dot.row(at / width / rows, at / width % rows, first, n);
    narrow(y.dtype, dot.sums(), to.target(n, scratch), n);
    to.commit(n, scratch);
  }
}

bool equal_dims(const View& a, const View& b) {
  return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims);
}

}  // namespace

KernelStatus dot(const View& a, const View& b, const DotAttrs& attrs, const View& y, Range range) {
  const uint32_t acc = resolve_acc(attrs.acc, a.dtype, b.dtype, y.dtype);
  if (acc == RLX_DTYPE_NONE) return unsupported(attrs.acc, a.dtype);
  Roles left, right;
  if (!sort_dims(a, attrs.batch_count, attrs.batch_a, attrs.contract_count, attrs.contract_a, &left) ||
      !sort_dims(b, attrs.batch_count, attrs.batch_b, attrs.contract_count, attrs.contract_b, &right) ||
      !equal_dims(left.batch, right.batch) || !equal_dims(left.contract, right.contract)) {
    return invalid();
  }
  const int64_t count = element_count(left.batch) * element_count(left.free) * element_count(right.free);
  if (count != element_count(y)) return invalid(0, element_count(y), count);
  if (range.begin >= range.end) return {};
  with_acc(acc, [&](auto zero) { run<decltype(zero)>(left, right, y, range); });
  return {};
}

}  // namespace rlx_cpu
