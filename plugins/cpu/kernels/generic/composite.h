// SPDX-License-Identifier: Apache-2.0
// Composites of any float dtype and any strides at reference quality: computed in f64, rounded once. The fast
// f32 kernels live one folder up; these are what runs when those do not apply.
#pragma once

#include "view.h"

namespace rlx_cpu {

/// y = softmax (or its log) of x along `axis`. A line of -inf gives NaN. Items: line_items(x, axis).
KernelStatus softmax(const View& x, uint32_t axis, bool log, const View& y, Range range);

struct NormAttrs {
  uint32_t axis = 0;  // first normalised axis
  double eps = 1e-5;
  double gamma_offset = 0;  // rms_norm only
};
/// Rows before the axis: what layer_norm and rms_norm count as items.
int64_t norm_items(const View& x, uint32_t axis);
/// s = x [+ residual]; y = (s - mean) * rstd * gamma + beta over the dims from `axis` on. gamma and beta (may
/// be null) have the dims of x from `axis` on, or x's rank with strides 0 before it. sum_out, if not null,
/// gets s.
KernelStatus layer_norm(const View& x, const View* residual, const View* gamma, const View* beta,
                        const NormAttrs& attrs, const View& y, const View* sum_out, Range range);
/// s = x [+ residual]; y = s / sqrt(mean(s^2) + eps) * (gamma + gamma_offset).
KernelStatus rms_norm(const View& x, const View* residual, const View* gamma, const NormAttrs& attrs,
                      const View& y, const View* sum_out, Range range);
/// x[N, C, s..], gamma[C], beta[C]. Items: N * groups.
KernelStatus group_norm(const View& x, const View& gamma, const View& beta, int64_t groups, double eps,
                        const View& y, Range range);
/// y = (x - mean) / sqrt(var + eps) * gamma + beta per channel. Items: elements of y.
KernelStatus batch_norm(const View& x, const View& gamma, const View& beta, const View& mean, const View& var,
                        uint32_t axis, double eps, const View& y, Range range);

struct AttentionAttrs {
  double scale = 1;
  double softcap = 0;   // 0 = none
  uint32_t causal = 0;  // RLX_CAUSAL_*
  int64_t window_left = -1;
  int64_t window_right = -1;
  uint32_t mask_kind = 0;  // RLX_MASK_*
};
/// q[B,H,Sq,D], k[B,Hkv,Sk,D], v[B,Hkv,Sk,Dv] -> y[B,H,Sq,Dv]; H is a multiple of Hkv. scores = softcap(scale
/// * q.k), then masks. BOOL and BIAS masks have dims [B,H,Sq,Sk] (broadcast by stride 0). A query that sees
/// no key gives zeros. Windows count from the causal diagonal. Items: attention_items, rows of queries.
/// SEQ_OFFSETS [N+1]: see check_offsets.
int64_t attention_items(const View& q);
KernelStatus attention(const View& q, const View& k, const View& v, const View* mask,
                       const AttentionAttrs& attrs, const View& y, Range range);

/// OK where i32 or i64 offsets [N+1] ascend in 0 .. rows; else DATA_ERROR with the first that does not.
KernelStatus check_offsets(const View& offsets, int64_t rows);

/// y[n, ..] = fold (RLX_REDUCE_SUM, PROD, MAX or MIN) of the rows offsets[n] .. offsets[n+1]-1 of x, the identity where
/// there are none; an element depends on the rows of its segment alone. Items: segments.
KernelStatus segment_reduce(uint32_t fn, const View& x, const View& offsets, const View& y, Range range);

struct RopeAttrs {
  int64_t rotary_dims = 0;  // 0 = all of D
  bool interleaved = false;
};
/// x[B,H,S,D]; cos, sin are [P, R/2] tables read at positions[b, s] (i64), or at s without positions, or [B,
/// S, R/2]. Errors: DATA_ERROR for a position outside the table. Items: rope_items, rows of x.
int64_t rope_items(const View& x);
KernelStatus rope(const View& x, const View& cos, const View& sin, const View* positions,
                  const RopeAttrs& attrs, const View& y, Range range);

}  // namespace rlx_cpu
