// SPDX-License-Identifier: Apache-2.0
// attention, one query after the other: scores of the keys it sees, their shares, and the values by their
// shares.
#include <math.h>

#include "kernels.h"

namespace rlx_c0 {
namespace {

struct Attention {
  const Call& c;
  const View &q, &k, &v;
  int64_t kind, causal, left, right;
  double scale, softcap;
  bool wide;

  explicit Attention(const Call& call)
      : c(call),
        q(call.in[0]),
        k(call.in[1]),
        v(call.in[2]),
        kind(call.whole(RLX_ATTR_MASK_KIND, RLX_MASK_NONE)),
        causal(call.whole(RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE)),
        left(call.whole(RLX_ATTR_WINDOW_LEFT, -1)),
        right(call.whole(RLX_ATTR_WINDOW_RIGHT, -1)),
        scale(call.real(RLX_ATTR_SCALE, 1 / sqrt(static_cast<double>(call.in[0].dims[3])))),
        softcap(call.real(RLX_ATTR_SOFTCAP, 0)),
        wide(is_wide(call, call.in[0].dtype)) {}

  /// The mask's element for a score; it is aligned right and repeats along dims of 1.
  const char* mask_at(const int64_t* score) const {
    const View& mask = c.in[3];
    return element_at(mask, score + (4 - mask.rank));
  }

  bool sees(int64_t b, int64_t h, int64_t i, int64_t j) const {
    int64_t at = causal == RLX_CAUSAL_BOTTOM_RIGHT ? i + k.dims[2] - q.dims[2] : i;
#if RLX_FAULT == 59  // causal-off-by-one
    if (causal != RLX_CAUSAL_NONE) {
      RLX_REACHED();
      if (j > at + 1) return false;
    } else
#endif
        if (causal != RLX_CAUSAL_NONE && j > at)
      return false;
    if (left >= 0 && at - j > left) return false;
    if (right >= 0 && j - at > right) return false;
    const int64_t score[4] = {b, h, i, j}, key[2] = {b, j};
    if (kind == RLX_MASK_BOOL) return *mask_at(score) != 0;
    if (kind == RLX_MASK_KEY_BOOL) return *element_at(c.in[3], key) != 0;
#if RLX_FAULT == 64  // kv-stale
    if (kind == RLX_MASK_LENGTHS) {
      uint64_t* longest = fault_note(reinterpret_cast<uint64_t>(c.op))->word;
      const uint64_t own = static_cast<uint64_t>(load_at(c.in[3], &b).i);
      if (static_cast<int64_t>(own) > static_cast<int64_t>(longest[b % 6])) longest[b % 6] = own;
      if (longest[b % 6] != own) RLX_REACHED();
      return j < static_cast<int64_t>(longest[b % 6]);
    }
#endif
    if (kind == RLX_MASK_LENGTHS) return j < load_at(c.in[3], &b).i;
    return true;
  }

  double score(int64_t b, int64_t h, int64_t kv, int64_t i, int64_t j) const {
    const char* pq = element(q, b * q.strides[0] + h * q.strides[1] + i * q.strides[2]);
    const char* pk = element(k, b * k.strides[0] + kv * k.strides[1] + j * k.strides[2]);
    double s = narrowed(
        wide, dot_of(c, q, pq, q.strides[3], k, pk, k.strides[3], q.dims[3], wide) * narrowed(wide, scale));
    if (softcap != 0) s = narrowed(wide, softcap * tanh(s / softcap));
    const int64_t at[4] = {b, h, i, j};
    if (kind == RLX_MASK_BIAS) s = narrowed(wide, s + load_real(q.dtype, mask_at(at)));
    return s;
  }

  void query(int64_t b, int64_t h, int64_t i) const;
};

void Attention::query(int64_t b, int64_t h, int64_t i) const {
  const View& y = c.out[0];
  const int64_t keys = k.dims[2], width = v.dims[3];
  int64_t kv = h * k.dims[1] / q.dims[1];
#if RLX_FAULT == 62  // gqa-modulo
  if (k.dims[1] != q.dims[1]) RLX_REACHED();
  kv = h % k.dims[1];
#endif
  double* scores =
      reinterpret_cast<double*>(c.scratch);  // NaN of a key that is not seen is told apart by `seen`
  unsigned char* seen = reinterpret_cast<unsigned char*>(scores + keys);
  double greatest = -static_cast<double>(INFINITY), sum = 0;
  for (int64_t j = 0; j < keys; ++j) {
    seen[j] = sees(b, h, i, j);
#if RLX_FAULT == 61  // mask-minus-ten
    if (!seen[j]) {
      RLX_REACHED();
      scores[j] = score(b, h, kv, i, j) - 10;
      seen[j] = 1;
      if (scores[j] > greatest) greatest = scores[j];
      continue;
    }
#endif
    if (!seen[j]) continue;
    scores[j] = score(b, h, kv, i, j);
    if (isnan(scores[j]) || scores[j] > greatest) greatest = scores[j];
  }
  bool nothing = !isnan(greatest) && greatest == -static_cast<double>(INFINITY);
#if RLX_FAULT == 45  // masked-row-nan
  if (nothing) RLX_REACHED();
  nothing = false;
#endif
  for (int64_t j = 0; j < keys && !nothing; ++j) {
    if (!seen[j]) continue;
    scores[j] = narrowed(wide, exp(narrowed(wide, scores[j] - greatest)));
    sum = narrowed(wide, sum + scores[j]);
  }
  for (int64_t j = 0; j < keys && !nothing; ++j)
    if (seen[j]) scores[j] = narrowed(wide, scores[j] / sum);
  for (int64_t d = 0; d < width; ++d) {
    double total = 0;
    for (int64_t j = 0; j < keys && !nothing; ++j) {
      if (!seen[j]) continue;
      const char* pv = element(v, b * v.strides[0] + kv * v.strides[1] + j * v.strides[2] + d * v.strides[3]);
      total = narrowed(wide, total + scores[j] * load_real(v.dtype, pv));
    }
#if RLX_FAULT == 45
    total /= sum / sum;
#endif
    const int64_t at[4] = {b, h, i, d};
    store_real(y.dtype, element_at(y, at), total);
  }
}

Answer check_mask(const Call& c, int64_t kind) {
  const View &q = c.in[0], &k = c.in[1], &mask = c.in[3];
  const int64_t scores[4] = {q.dims[0], q.dims[1], q.dims[2], k.dims[2]};
  if (kind == RLX_MASK_LENGTHS) {
    C0_NEED(mask.dtype == RLX_DTYPE_I64 && mask.rank == 1 && mask.dims[0] == q.dims[0],
            "the lengths are no i64[B]", 3);
    return {};
  }
  if (kind == RLX_MASK_KEY_BOOL) {
    C0_NEED(mask.dtype == RLX_DTYPE_BOOL && mask.rank == 2 && mask.dims[0] == q.dims[0] &&
                mask.dims[1] == k.dims[2],
            "the mask is no bool[B, Sk]", 3);
    return {};
  }
  C0_NEED(mask.dtype == (kind == RLX_MASK_BOOL ? RLX_DTYPE_BOOL : q.dtype) && mask.rank <= 4,
          "the mask has another dtype or rank", 3);
  for (uint32_t axis = 0; axis < mask.rank; ++axis)
    C0_NEED(mask.dims[axis] == 1 || mask.dims[axis] == scores[4 - mask.rank + axis],
            "the mask does not repeat to the scores", 3);
  return {};
}

}  // namespace

Answer check_attention(const Call& c) {
  const int64_t kind = c.whole(RLX_ATTR_MASK_KIND, RLX_MASK_NONE);
  C0_NEED(kind >= 0 && kind <= RLX_MASK_LENGTHS, "an unknown kind of mask", 3, RLX_ATTR_MASK_KIND);
  C0_NEED(c.in_count == (kind ? 4u : 3u) && c.out_count == 1, "wrong number of operands or results");
  for (uint32_t n = 0; n < c.in_count; ++n) C0_NEED(c.has(n), "an operand is absent", n);
  const View &q = c.in[0], &k = c.in[1], &v = c.in[2], &y = c.out[0];
  for (uint32_t n = 0; n < 3; ++n)
    C0_NEED(c.in[n].rank == 4 && c.in[n].dtype == q.dtype && is_float(q.dtype),
            "an operand is of another rank or dtype", n);
  C0_NEED(k.dims[0] == q.dims[0] && k.dims[3] == q.dims[3], "keys do not fit the queries", 1);
  C0_NEED(v.dims[0] == k.dims[0] && v.dims[1] == k.dims[1] && v.dims[2] == k.dims[2],
          "values do not fit the keys", 2);
  C0_NEED(k.dims[1] == q.dims[1] || (k.dims[1] > 0 && q.dims[1] % k.dims[1] == 0),
          "heads do not share key heads evenly", 1);
  C0_NEED(y.dtype == q.dtype && y.rank == 4 && y.dims[0] == q.dims[0] && y.dims[1] == q.dims[1] &&
              y.dims[2] == q.dims[2] && y.dims[3] == v.dims[3],
          "the result has another dtype or dims");
  const int64_t causal = c.whole(RLX_ATTR_CAUSAL, RLX_CAUSAL_NONE);
  C0_NEED(causal >= 0 && causal <= RLX_CAUSAL_BOTTOM_RIGHT, "an unknown kind of causal", RLX_NO_INDEX,
          RLX_ATTR_CAUSAL);
  Answer answer = kind ? check_mask(c, kind) : Answer();
  answer.scratch = static_cast<uint64_t>(k.dims[2]) * (sizeof(double) + 1);
  return answer;
}

int32_t run_attention(const Call& c) {
  const Attention attention(c);
  const View& y = c.out[0];
  for (Walk walk(3, y.dims); walk.more; walk.next()) {
    attention.query(walk.at[0], walk.at[1], walk.at[2]);
    if (c.stop(4 * c.in[1].dims[2] * (c.in[0].dims[3] + y.dims[3]) + 20)) return c.watch->status;
  }
  return RLX_STATUS_OK;
}

}  // namespace rlx_c0
