// SPDX-License-Identifier: Apache-2.0
// The three gathers. An index is checked before the element that it names is touched.
#include <algorithm>
#include <cstring>

#include "index.h"

namespace rlx_cpu {
namespace {

constexpr char kZeros[8] = {};

int64_t dims_product(const View& view, uint32_t first, uint32_t last) {
  int64_t product = 1;
  for (uint32_t d = first; d < last; ++d) product *= view.dims[d];
  return product;
}

// Copies equal-shaped slices from and to moving origins. The dims are looked at once.
class SliceCopier {
 public:
  SliceCopier(const View& from, const View& to)
      : from_(from), to_(to), count_(element_count(to)), bytes_(element_bytes(to.dtype)) {
    if (count_ == 0) return;
    dense_ = Cursor(from, 0).run() == count_ && Cursor(to, 0).run() == count_;
  }
  void copy(int64_t from_offset, int64_t to_offset) {
    if (dense_) {
      std::memcpy(element_at(to_, to_offset), element_at(from_, from_offset), size_t(count_ * bytes_));
      return;
    }
    View from = from_;
    View to = to_;
    from.data = element_at(from_, from_offset);
    to.data = element_at(to_, to_offset);
    copy_flat(from, 0, to, 0, count_);
  }
  void zero(int64_t to_offset) {
    View to = to_;
    to.data = element_at(to_, to_offset);
    fill_flat(kZeros, to, 0, count_);
  }

 private:
  View from_;
  View to_;
  int64_t count_;
  int64_t bytes_;
  bool dense_ = false;
};

}  // namespace

int64_t gather_items(const View& data, const View& idx, const IndexAttrs& attrs) {
  return dims_product(data, 0, attrs.axis) * dims_product(idx, attrs.batch_dims, idx.rank);
}

KernelStatus gather(const View& data, const View& idx, const IndexAttrs& attrs, const View& y, Range range) {
  const KernelStatus status = check_index_op(data, idx, attrs, y);
  if (!status.ok()) return status;
  const uint32_t batch = attrs.batch_dims;
  if (attrs.axis >= data.rank || batch > attrs.axis || batch > idx.rank)
    return invalid(0, attrs.axis, data.rank);
  const uint32_t index_dims = idx.rank - batch;
  if (y.rank != data.rank - 1 + index_dims) return invalid(0, y.rank, data.rank - 1 + index_dims);
  const KernelStatus indices = check_indices(idx, 1, &data.dims[attrs.axis], attrs);
  if (!indices.ok() || range.begin >= range.end) return indices;
  const int64_t per_outer = dims_product(idx, batch, idx.rank);
  const int64_t per_batch = dims_product(data, batch, attrs.axis);
  const uint32_t y_inner = attrs.axis + index_dims;
  SliceCopier slices(sub_view(data, attrs.axis + 1, data.rank, 0), sub_view(y, y_inner, y.rank, 0));
  for (int64_t item = range.begin; item < range.end; ++item) {
    const int64_t outer = item / per_outer;
    const int64_t which = item % per_outer;
    const int64_t index_offset = offset_of(outer / per_batch, batch, idx.dims, idx.strides) +
                                 offset_of(which, index_dims, idx.dims + batch, idx.strides + batch);
    int64_t at = 0;
    const IndexUse use = read_index(idx, index_offset, data.dims[attrs.axis], attrs, &at);
    if (use == IndexUse::kError) {
      return {RLX_STATUS_DATA_ERROR, outer / per_batch * per_outer + which, at, data.dims[attrs.axis]};
    }
    const int64_t target = offset_of(item, y_inner, y.dims, y.strides);
    if (use == IndexUse::kZero) {
      slices.zero(target);
    } else {
      slices.copy(offset_of(outer, attrs.axis, data.dims, data.strides) + at * data.strides[attrs.axis],
                  target);
    }
  }
  return {};
}

KernelStatus gather_elements(const View& data, const View& idx, const IndexAttrs& attrs, const View& y,
                             Range range) {
  const KernelStatus status = check_index_op(data, idx, attrs, y);
  if (!status.ok()) return status;
  if (attrs.axis >= data.rank || idx.rank != data.rank || y.rank != data.rank)
    return invalid(0, idx.rank, data.rank);
  for (uint32_t d = 0; d < data.rank; ++d) {
    if (d != attrs.axis && idx.dims[d] > data.dims[d]) return invalid(d, idx.dims[d], data.dims[d]);
  }
  const KernelStatus indices = check_indices(idx, 1, &data.dims[attrs.axis], attrs);
  if (!indices.ok()) return indices;
  const size_t bytes = size_t(element_bytes(y.dtype));
  int64_t base_strides[RLX_MAX_RANK];
  std::copy_n(data.strides, data.rank, base_strides);
  base_strides[attrs.axis] = 0;
  for (int64_t item = range.begin; item < range.end; ++item) {
    int64_t at = 0;
    const int64_t index_offset = offset_of(item, idx.rank, idx.dims, idx.strides);
    const IndexUse use = read_index(idx, index_offset, data.dims[attrs.axis], attrs, &at);
    if (use == IndexUse::kError) return {RLX_STATUS_DATA_ERROR, item, at, data.dims[attrs.axis]};
    const char* from = kZeros;
    if (use == IndexUse::kValid) {
      from =
          element_at(data, offset_of(item, idx.rank, idx.dims, base_strides) + at * data.strides[attrs.axis]);
    }
    std::memcpy(element_at(y, offset_of(item, y.rank, y.dims, y.strides)), from, bytes);
  }
  return {};
}

int64_t gather_nd_items(const View& idx) { return idx.rank == 0 ? 0 : dims_product(idx, 0, idx.rank - 1); }

KernelStatus gather_nd(const View& data, const View& idx, const IndexAttrs& attrs, const View& y,
                       Range range) {
  const KernelStatus status = check_index_op(data, idx, attrs, y);
  if (!status.ok()) return status;
  const uint32_t batch = attrs.batch_dims;
  if (idx.rank == 0 || batch > idx.rank - 1) return invalid(0, batch, idx.rank);
  const uint32_t tuple_dims = idx.rank - 1;
  const int64_t depth = idx.dims[tuple_dims];
  if (depth < 0 || int64_t(batch) + depth > int64_t(data.rank))
    return invalid(tuple_dims, depth, data.rank - batch);
  const uint32_t first = batch + uint32_t(depth);
  if (y.rank != tuple_dims + data.rank - first) return invalid(0, y.rank, tuple_dims + data.rank - first);
  const KernelStatus indices = check_indices(idx, depth, data.dims + batch, attrs);
  if (!indices.ok() || range.begin >= range.end) return indices;
  const int64_t per_batch = dims_product(idx, batch, tuple_dims);
  SliceCopier slices(sub_view(data, first, data.rank, 0), sub_view(y, tuple_dims, y.rank, 0));
  for (int64_t item = range.begin; item < range.end; ++item) {
    const int64_t tuple = offset_of(item, tuple_dims, idx.dims, idx.strides);
    int64_t source = offset_of(item / per_batch, batch, data.dims, data.strides);
    bool zero = false;
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t extent = data.dims[batch + k];
      int64_t at = 0;
      const IndexUse use = read_index(idx, tuple + k * idx.strides[tuple_dims], extent, attrs, &at);
      if (use == IndexUse::kError) return {RLX_STATUS_DATA_ERROR, item * depth + k, at, extent};
      zero = zero || use == IndexUse::kZero;
      source += at * data.strides[batch + k];
    }
    const int64_t target = offset_of(item, tuple_dims, y.dims, y.strides);
    if (zero) {
      slices.zero(target);
    } else {
      slices.copy(source, target);
    }
  }
  return {};
}

}  // namespace rlx_cpu
