// SPDX-License-Identifier: Apache-2.0
// Attention and rotary embedding by the book, one row at a time.
#include <algorithm>
#include <cmath>
#include <vector>

#include "block.h"
#include "composite.h"
#include "rlx/ops.h"

namespace rlx_cpu {
namespace {

constexpr double kMinusInf = -std::numeric_limits<double>::infinity();

// The last dim of `view` from `offset` on, as doubles.
void read_row(const View& view, int64_t offset, double* values) {
  View line = sub_view(view, view.rank - 1, view.rank, offset);
  alignas(64) char scratch[kBlockBytes];
  if (line.dims[0] == 0) return;
  Cursor from(line, 0);
  for (int64_t at = 0, n; at < line.dims[0]; at += n) {
    n = std::min(kBlock, line.dims[0] - at);
    widen(line.dtype, from.read(n, scratch), values + at, n);
  }
}

void write_row(const View& view, int64_t offset, const double* values) {
  View line = sub_view(view, view.rank - 1, view.rank, offset);
  alignas(64) char scratch[kBlockBytes];
  if (line.dims[0] == 0) return;
  Cursor to(line, 0);
  for (int64_t at = 0, n; at < line.dims[0]; at += n) {
    n = std::min(kBlock, line.dims[0] - at);
    narrow(line.dtype, values + at, to.target(n, scratch), n);
    to.commit(n, scratch);
  }
}

int64_t offset4(const View& view, int64_t i, int64_t j, int64_t k, int64_t l = 0) {
  return i * view.strides[0] + j * view.strides[1] + k * view.strides[2] + l * view.strides[3];
}

class Attention {
 public:
  Attention(const View& q, const View& k, const View& v, const View* mask, const AttentionAttrs& attrs,
            const View& y)
      : q_(q),
        k_(k),
        v_(v),
        mask_(mask),
        attrs_(attrs),
        y_(y),
        keys_(k.dims[2]),
        query_(size_t(q.dims[3])),
        key_(size_t(q.dims[3])),
        value_(size_t(v.dims[3])),
        sums_(size_t(v.dims[3])),
        scores_(size_t(keys_)) {}

  void row(int64_t item) {
    const int64_t i = item % q_.dims[2];
    const int64_t h = item / q_.dims[2] % q_.dims[1];
    const int64_t b = item / q_.dims[2] / q_.dims[1];
    const int64_t shared = h / (q_.dims[1] / k_.dims[1]);
    read_row(q_, offset4(q_, b, h, i), query_.data());
    if (attrs_.mask_kind == RLX_MASK_SEQ_OFFSETS) find_sequence(i);
    double highest = kMinusInf;
    for (int64_t j = 0; j < keys_; ++j) {
      double& score = scores_[size_t(j)];
      score = allowed(b, h, i, j) ? score_of(b, h, shared, i, j) : kMinusInf;
      highest = highest != highest || highest > score ? highest : score;
    }
    std::fill(sums_.begin(), sums_.end(), 0.0);
    double total = 0;
    for (int64_t j = 0; j < keys_ && highest != kMinusInf; ++j) {
      if (scores_[size_t(j)] == kMinusInf) continue;  // unseen: not even a NaN counts
      const double weight = std::exp(scores_[size_t(j)] - highest);
      total += weight;
      read_row(v_, offset4(v_, b, shared, j), value_.data());
      for (size_t d = 0; d < sums_.size(); ++d) sums_[d] += weight * value_[d];
    }
    if (highest != kMinusInf) {
      for (double& sum : sums_) sum /= total;
    }
    write_row(y_, offset4(y_, b, h, i), sums_.data());
  }

 private:
  int64_t length(int64_t b) const { return load_i64(mask_->dtype, element_at(*mask_, b * mask_->strides[0])); }

  /// The rows of the sequence that row i belongs to; no rows where it belongs to none.
  void find_sequence(int64_t i) {
    first_key_ = end_key_ = 0;
    for (int64_t n = 0; n + 1 < mask_->dims[0]; ++n) {
      const int64_t begin = load_i64(mask_->dtype, element_at(*mask_, n * mask_->strides[0]));
      const int64_t end = load_i64(mask_->dtype, element_at(*mask_, (n + 1) * mask_->strides[0]));
      if (begin <= i && i < end) first_key_ = begin, end_key_ = end;
    }
  }

  bool allowed(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const bool bottom = attrs_.causal == RLX_CAUSAL_BOTTOM_RIGHT;
    int64_t centre = bottom ? i + keys_ - q_.dims[2] : i;
    if (attrs_.causal == RLX_CAUSAL_LENGTH) centre = i + length(b) - q_.dims[2];
    if (attrs_.causal != RLX_CAUSAL_NONE && j > centre) return false;
    if (attrs_.window_left >= 0 && j < centre - attrs_.window_left) return false;
    if (attrs_.window_right >= 0 && j > centre + attrs_.window_right) return false;
    switch (attrs_.mask_kind) {
      case RLX_MASK_BOOL:
        return *element_at(*mask_, offset4(*mask_, b, h, i, j)) != 0;
      case RLX_MASK_KEY_BOOL:
        return *element_at(*mask_, b * mask_->strides[0] + j * mask_->strides[1]) != 0;
      case RLX_MASK_LENGTHS:
        return j < length(b);
      case RLX_MASK_SEQ_OFFSETS:
        return first_key_ <= j && j < end_key_;
      default:
        return true;
    }
  }

  double score_of(int64_t b, int64_t h, int64_t shared, int64_t i, int64_t j) {
    read_row(k_, offset4(k_, b, shared, j), key_.data());
    double score = 0;
    for (size_t d = 0; d < query_.size(); ++d) score += query_[d] * key_[d];
    score *= attrs_.scale;
    if (attrs_.softcap != 0) score = attrs_.softcap * std::tanh(score / attrs_.softcap);
    if (attrs_.mask_kind == RLX_MASK_BIAS)
      score += load_f64(mask_->dtype, element_at(*mask_, offset4(*mask_, b, h, i, j)));
    return score;
  }

  const View& q_;
  const View& k_;
  const View& v_;
  const View* mask_;
  const AttentionAttrs& attrs_;
  const View& y_;
  int64_t keys_;
  int64_t first_key_ = 0, end_key_ = 0;
  std::vector<double> query_, key_, value_, sums_, scores_;
};

bool has_dims(const View& view, std::initializer_list<int64_t> dims) {
  return view.rank == dims.size() && std::equal(dims.begin(), dims.end(), view.dims);
}

}  // namespace

KernelStatus check_offsets(const View& offsets, int64_t rows) {
  int64_t before = 0;
  for (int64_t n = 0; n < offsets.dims[0]; ++n) {
    const int64_t at = load_i64(offsets.dtype, element_at(offsets, n * offsets.strides[0]));
    if (at < before || at > rows) return {RLX_STATUS_DATA_ERROR, n, at, rows};
    before = at;
  }
  return {};
}

namespace {

KernelStatus check_mask(const View& q, const View& k, const View* mask, uint32_t kind) {
  if (kind == RLX_MASK_NONE) return {};
  if (kind > RLX_MASK_SEQ_OFFSETS) return unsupported(kind, q.dtype);
  if (mask == nullptr) return invalid(3, 0, kind);
  const int64_t batch = q.dims[0];
  const int64_t keys = k.dims[2];
  bool fits = false;
  switch (kind) {
    case RLX_MASK_BOOL:
      fits = mask->dtype == RLX_DTYPE_BOOL && has_dims(*mask, {batch, q.dims[1], q.dims[2], keys});
      break;
    case RLX_MASK_BIAS:
      fits = is_float(mask->dtype) && has_dims(*mask, {batch, q.dims[1], q.dims[2], keys});
      break;
    case RLX_MASK_KEY_BOOL:
      fits = mask->dtype == RLX_DTYPE_BOOL && has_dims(*mask, {batch, keys});
      break;
    case RLX_MASK_SEQ_OFFSETS:
      fits = is_int(mask->dtype) && mask->rank == 1 && mask->dims[0] >= 1 && q.dims[2] == keys;
      if (fits) return check_offsets(*mask, keys);
      break;
    default:
      fits = is_int(mask->dtype) && has_dims(*mask, {batch});
      break;
  }
  return fits ? KernelStatus{} : invalid(3, mask->rank, kind);
}

}  // namespace

int64_t attention_items(const View& q) { return q.dims[0] * q.dims[1] * q.dims[2]; }

KernelStatus attention(const View& q, const View& k, const View& v, const View* mask,
                       const AttentionAttrs& attrs, const View& y, Range range) {
  if (!is_float(q.dtype)) return unsupported(0, q.dtype);
  if (attrs.causal > RLX_CAUSAL_LENGTH) return unsupported(attrs.causal, q.dtype);
  if (attrs.causal == RLX_CAUSAL_LENGTH && attrs.mask_kind != RLX_MASK_LENGTHS) return invalid(3, attrs.mask_kind, attrs.causal);
  if (k.dtype != q.dtype || v.dtype != q.dtype || y.dtype != q.dtype) return invalid(0, k.dtype, q.dtype);
  if (q.rank != 4 || k.rank != 4 || v.rank != 4 || y.rank != 4) return invalid(0, q.rank, 4);
  if (!has_dims(k, {q.dims[0], k.dims[1], k.dims[2], q.dims[3]})) return invalid(1, k.dims[3], q.dims[3]);
  if (!has_dims(v, {q.dims[0], k.dims[1], k.dims[2], v.dims[3]})) return invalid(2, v.dims[2], k.dims[2]);
  if (!has_dims(y, {q.dims[0], q.dims[1], q.dims[2], v.dims[3]})) return invalid(4, y.dims[3], v.dims[3]);
  if (k.dims[1] < 1 || q.dims[1] % k.dims[1] != 0) return invalid(1, k.dims[1], q.dims[1]);
  const KernelStatus status = check_mask(q, k, mask, attrs.mask_kind);
  if (!status.ok() || range.begin >= range.end) return status;
  Attention attention(q, k, v, mask, attrs, y);
  for (int64_t item = range.begin; item < range.end; ++item) attention.row(item);
  return {};
}

namespace {

void rotate(double* x, int64_t half, bool interleaved, const double* cos, const double* sin) {
  for (int64_t i = 0; i < half; ++i) {
    double& a = x[interleaved ? 2 * i : i];
    double& b = x[interleaved ? 2 * i + 1 : i + half];
    const double old = a;
    a = old * cos[i] - b * sin[i];
    b = old * sin[i] + b * cos[i];
  }
}

// All rows of the table that will be read, before anything is written.
KernelStatus check_positions(const View& x, const View* positions, int64_t limit) {
  const int64_t length = x.dims[2];
  if (positions == nullptr) {
    return length <= limit ? KernelStatus{} : KernelStatus{RLX_STATUS_DATA_ERROR, limit, limit, limit};
  }
  for (int64_t i = 0; i < x.dims[0] * length; ++i) {
    const int64_t offset = i / length * positions->strides[0] + i % length * positions->strides[1];
    const int64_t at = load_i64(positions->dtype, element_at(*positions, offset));
    if (at < 0 || at >= limit) return {RLX_STATUS_DATA_ERROR, i, at, limit};
  }
  return {};
}

}  // namespace

int64_t rope_items(const View& x) { return x.dims[0] * x.dims[1] * x.dims[2]; }

KernelStatus rope(const View& x, const View& cos, const View& sin, const View* positions,
                  const RopeAttrs& attrs, const View& y, Range range) {
  if (!is_float(x.dtype)) return unsupported(0, x.dtype);
  if (x.rank != 4 || y.rank != 4 || y.dtype != x.dtype) return invalid(0, x.rank, 4);
  const int64_t rotary = attrs.rotary_dims == 0 ? x.dims[3] : attrs.rotary_dims;
  if (rotary < 0 || rotary > x.dims[3] || rotary % 2 != 0) return invalid(3, rotary, x.dims[3]);
  const int64_t half = rotary / 2;
  const bool per_batch = cos.rank == 3;
  if (cos.rank != sin.rank || (cos.rank != 2 && !per_batch) || !is_float(cos.dtype) || !is_float(sin.dtype)) {
    return invalid(1, cos.rank, 2);
  }
  if (cos.dims[cos.rank - 1] != half || !std::equal(cos.dims, cos.dims + cos.rank, sin.dims)) {
    return invalid(1, cos.dims[cos.rank - 1], half);
  }
  if (per_batch && (positions != nullptr || cos.dims[0] != x.dims[0]))
    return invalid(1, cos.dims[0], x.dims[0]);
  if (positions != nullptr && (!is_int(positions->dtype) || !has_dims(*positions, {x.dims[0], x.dims[2]}))) {
    return invalid(3, positions->rank, 2);
  }
  if (range.begin >= range.end) return {};
  const KernelStatus status = check_positions(x, positions, cos.dims[cos.rank - 2]);
  if (!status.ok()) return status;
  std::vector<double> row(size_t(x.dims[3])), cos_row(static_cast<size_t>(half)),
      sin_row(static_cast<size_t>(half));
  for (int64_t item = range.begin; item < range.end; ++item) {
    const int64_t s = item % x.dims[2];
    const int64_t h = item / x.dims[2] % x.dims[1];
    const int64_t b = item / x.dims[2] / x.dims[1];
    int64_t at = s;
    if (positions != nullptr) {
      at = load_i64(positions->dtype,
                    element_at(*positions, b * positions->strides[0] + s * positions->strides[1]));
    }
    const int64_t outer = per_batch ? b : 0;
    read_row(cos, (per_batch ? outer * cos.strides[0] : 0) + at * cos.strides[cos.rank - 2], cos_row.data());
    read_row(sin, (per_batch ? outer * sin.strides[0] : 0) + at * sin.strides[sin.rank - 2], sin_row.data());
    read_row(x, offset4(x, b, h, s), row.data());
    rotate(row.data(), half, attrs.interleaved, cos_row.data(), sin_row.data());
    write_row(y, offset4(y, b, h, s), row.data());
  }
  return {};
}

}  // namespace rlx_cpu
