// SPDX-License-Identifier: Apache-2.0
// The two scatters. Each item owns its part of y, so duplicates meet in one thread and in order.
#include <algorithm>
#include <cstring>

#include "index.h"

namespace rlx_cpu {
namespace {

// y[i] = reduce(y[i], u[i]) for n elements at strides in elements; `fn` is a binary one, or 0 for set.
class Combiner {
 public:
  Combiner(uint32_t reduce, uint32_t dtype) : dtype_(dtype), bytes_(element_bytes(dtype)) {
    static constexpr uint32_t kFns[] = {0, RLX_BINARY_ADD, RLX_BINARY_MUL, RLX_BINARY_MIN, RLX_BINARY_MAX};
    known_ = reduce < sizeof kFns / sizeof kFns[0];
    fn_ = known_ ? kFns[reduce] : 0;
    if (fn_ != 0) {
      alignas(8) char one[8] = {};
      alignas(8) char out[8];
      known_ = block_binary(fn_, dtype, one, one, out, 1);
    }
  }
  bool known() const { return known_; }
  void one(char* y, const char* u) const {
    if (fn_ == 0) {
      std::memcpy(y, u, size_t(bytes_));
    } else {
      (void)block_binary(fn_, dtype_, y, u, y, 1);
    }
  }
  // Flat elements [begin, end) of two equal-shaped views.
  void slice(const View& y, const View& u, int64_t begin, int64_t end) const {
    if (fn_ == 0) {
      copy_flat(u, begin, y, begin, end - begin);
      return;
    }
    alignas(64) char old[kBlockBytes];
    alignas(64) char update[kBlockBytes];
    Cursor updates(u, begin);
    Cursor reads(y, begin);
    Cursor writes(y, begin);
    for (int64_t n; begin < end; begin += n) {
      n = std::min(kBlock, end - begin);
      void* out = writes.target(n, old);
      (void)block_binary(fn_, dtype_, reads.read(n, old), updates.read(n, update), out, n);
      writes.commit(n, old);
    }
  }

 private:
  uint32_t dtype_;
  int64_t bytes_;
  uint32_t fn_ = 0;
  bool known_ = false;
};

}  // namespace

int64_t scatter_elements_items(const View& x, const IndexAttrs& attrs) {
  int64_t items = 1;
  for (uint32_t d = 0; d < x.rank; ++d) items *= d == attrs.axis ? 1 : x.dims[d];
  return items;
}

KernelStatus scatter_elements(const View& x, const View& idx, const View& u, const IndexAttrs& attrs,
                              const View& y, Range range) {
  const KernelStatus status = check_index_op(x, idx, attrs, y);
  if (!status.ok()) return status;
  const Combiner combiner(attrs.reduce, y.dtype);
  if (!combiner.known()) return unsupported(attrs.reduce, y.dtype);
  const uint32_t axis = attrs.axis;
  if (axis >= x.rank || idx.rank != x.rank || u.rank != x.rank || u.dtype != y.dtype)
    return invalid(0, idx.rank, x.rank);
  int64_t flat_strides[RLX_MAX_RANK];
  int64_t flat = 1;
  for (uint32_t d = x.rank; d-- > 0;) {
    if (u.dims[d] != idx.dims[d] || (d != axis && idx.dims[d] > x.dims[d]))
      return invalid(d, idx.dims[d], x.dims[d]);
    flat_strides[d] = flat;
    flat *= idx.dims[d];
  }
  const KernelStatus indices = check_indices(idx, 1, &x.dims[axis], attrs);
  if (!indices.ok()) return indices;
  const bool in_place = same_memory(x, y);
  const size_t bytes = size_t(element_bytes(y.dtype));
  for (int64_t item = range.begin; item < range.end; ++item) {
    int64_t from = 0, to = 0, index = 0, update = 0, position = 0;
    bool named = true;  // the line is one that idx has
    int64_t rest = item;
    for (uint32_t d = x.rank; d-- > 0;) {
      if (d == axis) continue;
      const int64_t at = rest % x.dims[d];
      rest /= x.dims[d];
      named = named && at < idx.dims[d];
      from += at * x.strides[d];
      to += at * y.strides[d];
      index += at * idx.strides[d];
      update += at * u.strides[d];
      position += at * flat_strides[d];
    }
    for (int64_t i = 0; !in_place && i < x.dims[axis]; ++i) {
      std::memcpy(element_at(y, to + i * y.strides[axis]), element_at(x, from + i * x.strides[axis]), bytes);
    }
    for (int64_t i = 0; named && i < idx.dims[axis]; ++i) {
      int64_t at = 0;
      const IndexUse use = read_index(idx, index + i * idx.strides[axis], x.dims[axis], attrs, &at);
      if (use == IndexUse::kError) {
        return {RLX_STATUS_DATA_ERROR, position + i * flat_strides[axis], at, x.dims[axis]};
      }
      if (use == IndexUse::kZero) continue;
      combiner.one(element_at(y, to + at * y.strides[axis]), element_at(u, update + i * u.strides[axis]));
    }
  }
  return {};
}

int64_t scatter_nd_items(const View& x, const View& idx) {
  if (idx.rank == 0) return 0;
  int64_t items = 1;
  for (int64_t d = idx.dims[idx.rank - 1]; d < int64_t(x.rank); ++d) items *= x.dims[d];
  return items;
}

namespace {

// Copies columns [begin, end) of every slice of x to y.
void copy_columns(const View& x, const View& y, uint32_t depth, Range range) {
  const int64_t inner = element_count(sub_view(y, depth, y.rank, 0));
  if (range.begin == 0 && range.end == inner) {
    copy_flat(x, 0, y, 0, element_count(y));
    return;
  }
  const int64_t outer = element_count(sub_view(y, 0, depth, 0));
  for (int64_t i = 0; i < outer; ++i) {
    copy_flat(x, i * inner + range.begin, y, i * inner + range.begin, range.end - range.begin);
  }
}

}  // namespace

KernelStatus scatter_nd(const View& x, const View& idx, const View& u, const IndexAttrs& attrs, const View& y,
                        Range range) {
  const KernelStatus status = check_index_op(x, idx, attrs, y);
  if (!status.ok()) return status;
  const Combiner combiner(attrs.reduce, y.dtype);
  if (!combiner.known()) return unsupported(attrs.reduce, y.dtype);
  if (idx.rank == 0 || x.rank != y.rank || u.dtype != y.dtype) return invalid(0, idx.rank, 1);
  const uint32_t tuple_dims = idx.rank - 1;
  const int64_t depth = idx.dims[tuple_dims];
  if (depth < 0 || depth > int64_t(x.rank)) return invalid(tuple_dims, depth, x.rank);
  if (int64_t(u.rank) != tuple_dims + x.rank - depth) return invalid(0, u.rank, tuple_dims + x.rank - depth);
  const KernelStatus indices = check_indices(idx, depth, x.dims, attrs);
  if (!indices.ok() || range.begin >= range.end) return indices;
  if (!same_memory(x, y)) copy_columns(x, y, uint32_t(depth), range);
  const int64_t tuples = element_count(sub_view(idx, 0, tuple_dims, 0));
  const View y_slice = sub_view(y, uint32_t(depth), y.rank, 0);
  const View u_slice = sub_view(u, tuple_dims, u.rank, 0);
  for (int64_t tuple = 0; tuple < tuples; ++tuple) {
    const int64_t index = offset_of(tuple, tuple_dims, idx.dims, idx.strides);
    int64_t target = 0;
    bool skip = false;
    for (int64_t k = 0; k < depth; ++k) {
      int64_t at = 0;
      const IndexUse use = read_index(idx, index + k * idx.strides[tuple_dims], x.dims[k], attrs, &at);
      if (use == IndexUse::kError) return {RLX_STATUS_DATA_ERROR, tuple * depth + k, at, x.dims[k]};
      skip = skip || use == IndexUse::kZero;
      target += at * y.strides[k];
    }
    if (skip) continue;
    View to = y_slice;
    View from = u_slice;
    to.data = element_at(y, target);
    from.data = element_at(u, offset_of(tuple, tuple_dims, u.dims, u.strides));
    combiner.slice(to, from, range.begin, range.end);
  }
  return {};
}

}  // namespace rlx_cpu
