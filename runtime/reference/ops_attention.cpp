// SPDX-License-Identifier: Apache-2.0
// attention and rope.
// Bounds of attention: weights p_j that move by w_j but still sum to 1 move the result by sum w_j |v_j - y|;
// values add sum p_j e_j; and the roundings of the products, the sum and the division add a share of sum p_j
// |v_j|.
#include <algorithm>

#include "runtime/reference/product.h"
#include "runtime/reference/softmax.h"

namespace rlx::reference {
namespace {

/// One attention under way: sizes, and where the elements of its dense operands lie.
class Attention {
 public:
  explicit Attention(const Call& call)
      : call_(call),
        q_(factor(call, call.load(0))),
        k_(factor(call, call.load(1))),
        v_(factor(call, call.load(2))),
        unit_(call.unit(q_->dtype)),
        sums_(unit_) {
    const ClassRoundoff cost = roundoff_of(call.precision);
    if (q_->dtype != DType::kF64) sums_.u = std::fmax(sums_.u, cost.sum);
    if (q_->dtype == DType::kF32) weight_roundoff_ = cost.operand;
    heads_ = q_->dims[1], queries_ = q_->dims[2], width_ = q_->dims[3];
    kv_heads_ = k_->dims[1], keys_ = k_->dims[2], value_width_ = v_->dims[3];
    kind_ = call.integer(RLX_ATTR_MASK_KIND, RLX_MASK_NONE);
    scale_ = call.real(RLX_ATTR_SCALE, 1 / std::sqrt(static_cast<double>(width_)));
    softcap_ = call.real(RLX_ATTR_SOFTCAP, 0);
    causal_ = call.integer(RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE);
    left_ = call.integer(RLX_ATTR_WINDOW_LEFT, -1), right_ = call.integer(RLX_ATTR_WINDOW_RIGHT, -1);
    if (kind_ == RLX_MASK_NONE) return;
    mask_ = call.load(3);
    if (kind_ == RLX_MASK_BOOL || kind_ == RLX_MASK_BIAS) {
      const Sizes whole{q_->dims[0], heads_, queries_, keys_};
      Sizes dims(4 - mask_->dims.size(), 1);
      dims.insert(dims.end(), mask_->dims.begin(), mask_->dims.end());
      mask_strides_ = dense_strides(dims);
      for (std::size_t axis = 0; axis < 4; ++axis)
        if (dims[axis] == 1) mask_strides_[axis] = 0;
    }
  }

  Status run(Tensor& y) {
    if (kind_ == RLX_MASK_SEQ_OFFSETS) RLX_TRY(read_sequences());
    for (std::int64_t b = 0; b < q_->dims[0]; ++b)
      for (std::int64_t h = 0; h < heads_; ++h)
        for (std::int64_t i = 0; i < queries_; ++i) query(b, h, i, y);
    return {};
  }

 private:
  /// Number of the sequence of each row; -1 for rows of none.
  Status read_sequences() {
    sequence_.assign(static_cast<std::size_t>(keys_), -1);
    const std::vector<std::int64_t>& offsets = mask_->i;
    for (std::size_t n = 0; n < offsets.size(); ++n)
      if (offsets[n] < (n ? offsets[n - 1] : 0) || offsets[n] > keys_)
        return fail(ErrorCode::kDataError, "sequence offset ", n, " is ", offsets[n], ", wanted ", n ? offsets[n - 1] : 0, " to ",
                    keys_);
    for (std::size_t n = 0; n + 1 < offsets.size(); ++n)
      for (std::int64_t row = offsets[n]; row < offsets[n + 1]; ++row)
        sequence_[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(n);
    return {};
  }

  std::size_t mask_at(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) const {
    if (kind_ == RLX_MASK_KEY_BOOL) return static_cast<std::size_t>(b * keys_ + j);
    if (kind_ == RLX_MASK_LENGTHS) return static_cast<std::size_t>(b);
    if (kind_ == RLX_MASK_SEQ_OFFSETS) return 0;
    return static_cast<std::size_t>(b * mask_strides_[0] + h * mask_strides_[1] + i * mask_strides_[2] +
                                    j * mask_strides_[3]);
  }

  bool visible(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) const {
    std::int64_t at = causal_ == RLX_CAUSAL_BOTTOM_RIGHT ? i + keys_ - queries_ : i;
    if (causal_ == RLX_CAUSAL_LENGTH) at = i + mask_->i[static_cast<std::size_t>(b)] - queries_;
    if (causal_ != RLX_CAUSAL_NONE && j > at) return false;
    if (left_ >= 0 && at - j > left_) return false;
    if (right_ >= 0 && j - at > right_) return false;
    if (kind_ == RLX_MASK_BOOL || kind_ == RLX_MASK_KEY_BOOL) return mask_->i[mask_at(b, h, i, j)] != 0;
    if (kind_ == RLX_MASK_LENGTHS) return j < mask_->i[mask_at(b, h, i, j)];
    if (kind_ == RLX_MASK_SEQ_OFFSETS) {
      const std::int64_t own = sequence_[static_cast<std::size_t>(i)];
      return own >= 0 && own == sequence_[static_cast<std::size_t>(j)];
    }
    return true;
  }

  Num score(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j, std::int64_t kv) const {
    const std::int64_t at_q = ((b * heads_ + h) * queries_ + i) * width_,
                       at_k = ((b * kv_heads_ + kv) * keys_ + j) * width_;
    double sum = 0, size = 0;
    ErrorSum e(call_.independent);
    for (std::int64_t d = 0; d < width_; ++d) {
      const Num q = call_.get(*q_, static_cast<std::size_t>(at_q + d)),
                k = call_.get(*k_, static_cast<std::size_t>(at_k + d));
      sum += q.v * k.v;
      size += (std::fabs(q.v) + q.e) * (std::fabs(k.v) + k.e);
      if (q.e == 0 && k.e == 0) continue;
      e.add(q.e * std::fabs(k.v));
      e.add(k.e * (std::fabs(q.v) + q.e));
    }
    Num s{sum * scale_, 0};
    if (call_.bounds && std::isfinite(s.v))
      s.e = std::fabs(scale_) * (e.total() + 2 * gamma(sums_, static_cast<double>(width_) + 5) * size);
    if (softcap_ != 0) {
      const Num ratio{s.v / softcap_, s.e / std::fabs(softcap_)};
      Num capped = unary(unit_, RLX_UNARY_TANH, ratio);
      s = {capped.v * softcap_, std::fabs(softcap_) * (2 * capped.e + 4 * unit_.u * std::fabs(capped.v))};
      s.e += 4 * unit_.u * std::fabs(ratio.v * softcap_);
    }
    if (kind_ == RLX_MASK_BIAS) s = add(unit_, s, call_.get(*mask_, mask_at(b, h, i, j)));
    return s;
  }

  void query(std::int64_t b, std::int64_t h, std::int64_t i, Tensor& y) {
    const std::int64_t kv = heads_ ? h * kv_heads_ / heads_ : 0;
    row_.clear(), seen_.clear();
    bool unsure = false, any = false;
    for (std::int64_t j = 0; j < keys_; ++j) {
      if (call_.bounds && mask_ && kind_ != RLX_MASK_SEQ_OFFSETS && !mask_->real() && mask_->bound(mask_at(b, h, i, j)) != 0) unsure = true;
      if (!visible(b, h, i, j)) continue;
      row_.push_back(score(b, h, i, j, kv));
      seen_.push_back(j);
      any = any || row_.back().v != -kInfinity;
    }
    const auto at_y = static_cast<std::size_t>(((b * heads_ + h) * queries_ + i) * value_width_);
    if (any || unsure) weigh(b, kv, at_y, unsure, y);
  }

  void weigh(std::int64_t b, std::int64_t kv, std::size_t at_y, bool unsure, Tensor& y) {
    const double share =
        softmax(unit_, row_, call_.bounds) + 2 * gamma(sums_, static_cast<double>(row_.size()) + 3) + weight_roundoff_;
    for (std::int64_t d = 0; d < value_width_; ++d) {
      const auto value = [&](std::size_t n) {
        return call_.get(
            *v_, static_cast<std::size_t>(((b * kv_heads_ + kv) * keys_ + seen_[n]) * value_width_ + d));
      };
      double sum = 0, size = 0;
      ErrorSum e(call_.independent);
      for (std::size_t n = 0; n < row_.size(); ++n) sum += row_[n].v * value(n).v;
      for (std::size_t n = 0; n < row_.size() && call_.bounds; ++n) {
        const Num v = value(n);
        const double most = row_[n].v + row_[n].e;
        size += most * (std::fabs(v.v) + v.e);
        e.add(most * v.e);
        if (row_[n].e > 0) e.add(row_[n].e * std::fabs(v.v - sum));
      }
      Num out{sum, 0};
      if (call_.bounds) out.e = std::isfinite(sum) ? e.total() + share * size + 8 * unit_.u * unit_.least : 0;
      if (unsure || std::isnan(out.e)) out.e = kInfinity;
      call_.set(y, at_y + static_cast<std::size_t>(d), out);
    }
  }

  const Call& call_;
  TensorPtr q_, k_, v_, mask_;
  Unit unit_, sums_;  // of everything, and of sums of products in the call's class
  double weight_roundoff_ = 0;
  std::int64_t heads_, queries_, width_, kv_heads_, keys_, value_width_, kind_, causal_, left_, right_;
  double scale_, softcap_;
  Sizes mask_strides_;
  std::vector<std::int64_t> sequence_;
  std::vector<Num> row_;
  std::vector<std::int64_t> seen_;
};

}  // namespace

Status run_attention(Call& call) {
  RLX_TRY(Attention(call).run(call.out[0]));
  finish(call, call.out[0]);
  return {};
}

Status run_rope(Call& call) {
  const TensorPtr x = call.load(0), cos = call.load(1), sin = call.load(2);
  const TensorPtr positions = call.has(3) ? call.load(3) : nullptr;
  Tensor& y = call.out[0];
  y = *x;
  const Unit unit = call.unit(y.dtype);
  const std::int64_t heads = x->dims[1], rows = x->dims[2], width = x->dims[3];
  const std::int64_t half = call.integer(RLX_ATTR_ROTARY_DIMS, width) / 2;
  const bool interleaved = call.integer(RLX_ATTR_INTERLEAVED, 0) != 0;
  const bool per_batch = !positions && cos->dims.size() == 3 && cos->dims[0] != 1;
  for (std::int64_t line = 0; line < x->dims[0] * heads * rows; ++line) {
    const std::int64_t b = line / (heads * rows), s = line % rows;
    std::int64_t at = per_batch ? b * rows + s : s;
    if (positions) {
      at = positions->i[static_cast<std::size_t>(b * rows + s)];
      if (at < 0 || at >= cos->dims[0])
        return fail(ErrorCode::kDataError, "position ", at, ", wanted 0 to ", cos->dims[0] - 1);
    }
    for (std::int64_t pair = 0; pair < half; ++pair) {
      const auto first = static_cast<std::size_t>(line * width + (interleaved ? 2 * pair : pair));
      const auto second = static_cast<std::size_t>(line * width + (interleaved ? 2 * pair + 1 : pair + half));
      const Num a = call.get(*x, first), z = call.get(*x, second);
      const Num c = call.get(*cos, static_cast<std::size_t>(at * half + pair)),
                t = call.get(*sin, static_cast<std::size_t>(at * half + pair));
      const auto turned = [&](Num u, Num w) {
        Num r = add(unit, u, w);
        if (std::isfinite(r.v)) r.e += unit.u * (std::fabs(u.v) + std::fabs(w.v) + std::fabs(r.v));
        return r;
      };
      const Num zt = mul(unit, z, t);
      if (!y.e.empty()) y.e[first] = y.e[second] = 0;
      call.set(y, first, turned(mul(unit, a, c), {-zt.v, zt.e}));
      call.set(y, second, turned(mul(unit, z, c), mul(unit, a, t)));
    }
  }
  finish(call, y);
  return {};
}

}  // namespace rlx::reference
