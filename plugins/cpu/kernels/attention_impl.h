// SPDX-License-Identifier: Apache-2.0
// Attention over blocks of keys with a running maximum and sum per query row (namespace RLX_CPU_ISA).
// Source: online softmax, Milakov & Gimelshein 2018; blockwise use, Dao et al. 2022.
#ifndef RLX_CPU_KERNELS_ATTENTION_IMPL_H_
#define RLX_CPU_KERNELS_ATTENTION_IMPL_H_

#include "attention.h"
#include "matmul_impl.h"
#include "row_ops_impl.h"

namespace rlx_cpu::RLX_CPU_ISA {

/// Half-open range of key indices.
struct KeyRange {
  int64_t begin;
  int64_t end;
};

/// Keys that query `i` may see by causality, window and length.
static KeyRange visible_keys(const AttentionArgs& args, int64_t batch, int64_t i) {
  KeyRange range = {0, args.key_count};
  const int64_t at = args.causal == RLX_CAUSAL_BOTTOM_RIGHT ? i + args.key_count - args.query_count : i;
  if (args.causal != RLX_CAUSAL_NONE) range.end = smaller(range.end, at + 1);
  if (args.window_right >= 0) range.end = smaller(range.end, at + args.window_right + 1);
  if (args.window_left >= 0) range.begin = larger(range.begin, at - args.window_left);
  if (args.mask_kind == RLX_MASK_LENGTHS) {
    const int64_t* lengths = static_cast<const int64_t*>(args.mask);
    range.end = smaller(range.end, lengths[batch * args.mask_strides[0]]);
  }
  range.end = larger(range.end, range.begin);
  return range;
}

/// Where one call keeps its blocks, its score rows and its running statistics.
struct AttentionScratch {
  float* keys;      ///< panels of 16 keys x head_size
  float* values;    ///< panels of 16 value columns x keys of the block
  float* scores;    ///< kTileRows rows
  float* partial;   ///< kTileRows rows of padded value columns
  float* maximum;   ///< per query of the call, in units of the stored scores
  float* total;     ///< per query of the call
  int64_t score_row;
  int64_t value_columns;
};

static AttentionScratch lay_out(const AttentionArgs& args, int64_t rows, float* scratch) {
  AttentionScratch s;
  s.score_row = smaller((args.key_count + 15) / 16 * 16, kKeyBlock);
  s.value_columns = (args.value_size + 15) / 16 * 16;
  s.keys = scratch;
  s.values = s.keys + s.score_row * args.head_size;
  s.scores = s.values + s.score_row * s.value_columns;
  s.partial = s.scores + 8 * s.score_row;
  s.maximum = s.partial + 8 * s.value_columns;
  s.total = s.maximum + rows;
  return s;
}

/// A whole block of keys as seen by a call: which keys, how many of them as panels, where they lie.
struct KeyBlock {
  const float* k;
  const float* v;
  int64_t begin;
  int64_t count;
};

/// The scores are kept raw where softmax may take the scale itself; otherwise they are final and in units of e.
struct ScoreRule {
  bool raw;
  float to_log2;  ///< factor from a stored score to a power of two
};

static ScoreRule score_rule(const AttentionArgs& args) {
  const bool raw = args.softcap == 0.0f && args.mask_kind != RLX_MASK_BIAS && args.scale > 0.0f;
  return {raw, raw ? args.scale * 1.44269504f : 1.44269504f};
}

/// Scores of `rows` queries against the panels that hold keys [begin, end) of the block.
static void block_scores(const AttentionArgs& args, const AttentionScratch& s, const float* q, int rows,
                         int64_t begin, int64_t end) {
  Tile tile = {};
  tile.a = q;
  tile.a_row = args.q_strides.seq;
  tile.b_row = kPanelColumns;
  tile.b_panel = args.head_size * kPanelColumns;
  tile.k = args.head_size;
  tile.out_row = s.score_row;
  const int64_t last = panel_count(end);
  for (int64_t panel = begin / kPanelColumns; panel < last;) {
    const int panels = static_cast<int>(smaller(kTilePanels, last - panel));
    tile.b = s.keys + panel * tile.b_panel;
    tile.out = s.scores + panel * kPanelColumns;
    tile_for(rows, panels, false)(tile);
    panel += panels;
  }
}

/// Turns raw scores of one row into final ones where scale, softcap, bias or a bool mask ask for it.
static void adjust_scores(const AttentionArgs& args, float* score, int64_t batch, int64_t head, int64_t query,
                          int64_t key_begin, int64_t begin, int64_t end) {
  const int64_t* strides = args.mask_strides;
  const int64_t row = batch * strides[0] +
                      (args.mask_kind == RLX_MASK_KEY_BOOL ? 0 : head * strides[1] + query * strides[2]);
  const bool raw = score_rule(args).raw;
  const float inverse_cap = args.softcap == 0.0f ? 0.0f : 1.0f / args.softcap;
  const int64_t key_stride = strides[3];
  for (int64_t j = begin; j < end; j += kWidth) {
    const int64_t lanes = smaller(kWidth, end - j);
    F t = load(score + j);
    if (!raw) t = t * set1(args.scale);
    if (args.softcap != 0.0f) t = set1(args.softcap) * tanh(t * set1(inverse_cap));
    const int64_t at = row + (key_begin + j) * key_stride;
    if (args.mask_kind == RLX_MASK_BIAS) {
      const float* bias = static_cast<const float*>(args.mask) + at;
      alignas(64) float gathered[kWidth] = {};
      if (key_stride != 1) {
        for (int64_t i = 0; i < lanes; ++i) gathered[i] = bias[i * key_stride];
      }
      t = t + (key_stride == 1 ? load_n(bias, lanes) : load(gathered));
    } else if (args.mask_kind == RLX_MASK_BOOL || args.mask_kind == RLX_MASK_KEY_BOOL) {
      const uint8_t* allowed = static_cast<const uint8_t*>(args.mask) + at;
      uint8_t gathered[kWidth] = {};
      if (key_stride != 1) {
        for (int64_t i = 0; i < lanes; ++i) gathered[i] = allowed[i * key_stride];
      }
      t = select(load_mask(key_stride == 1 ? allowed : gathered, lanes), t, set1(-__builtin_inff()));
    }
    store(score + j, t);
  }
}

/// Writes -Inf to the lanes of [panel begin, panel end) that lie outside [begin, end).
static void hide_scores(float* score, int64_t panel_begin, int64_t panel_end, int64_t begin, int64_t end) {
  for (int64_t j = panel_begin; j < begin; ++j) score[j] = -__builtin_inff();
  for (int64_t j = end; j < panel_end; ++j) score[j] = -__builtin_inff();
}

/// The largest of whole vectors [begin, end), four at a time so that no comparison waits for the one before.
static float largest_score(const float* score, int64_t begin, int64_t end) {
  F best[4];
  for (F& b : best) b = set1(-__builtin_inff());
  int64_t j = begin;
  for (; j + 4 * kWidth <= end; j += 4 * kWidth) {
    RLX_CPU_UNROLL(4)
    for (int i = 0; i < 4; ++i) best[i] = max(load(score + j + i * kWidth), best[i]);
  }
  for (; j < end; j += kWidth) best[0] = max(load(score + j), best[0]);
  return max_of(max(max(best[0], best[1]), max(best[2], best[3])));
}

/// What a row without a visible key weighs: nothing, but a NaN score stays one.
static float keep_only_nan(float* score, int64_t begin, int64_t end) {
  F sum = zero();
  for (int64_t j = begin; j < end; j += kWidth) {
    const F x = load(score + j);
    const F weight = select(equal(x, x), zero(), x);
    sum = sum + weight;
    store(score + j, weight);
  }
  return sum_of(sum);
}

/// Softmax step of one row over whole vectors [begin, end): scores become weights 2^((score - maximum) * to_log2).
/// Returns the factor for what was summed under the old maximum.
static float soften(float* score, int64_t begin, int64_t end, float to_log2, float& maximum, float& total) {
  const float block_maximum = largest_score(score, begin, end);
  const float next = block_maximum > maximum ? block_maximum : maximum;
  if (next == -__builtin_inff()) {
    total += keep_only_nan(score, begin, end);
    return 1.0f;
  }
  const F factor = set1(to_log2);
  const F lowest = set1(-160.0f / to_log2);
  const F best = set1(next);
  F sum = zero();
  RLX_CPU_UNROLL(4)
  for (int64_t j = begin; j < end; j += kWidth) {
    const F weight = exp2_scaled(load(score + j) - best, factor, lowest);
    sum = sum + weight;
    store(score + j, weight);
  }
  if (next == maximum) {
    total += sum_of(sum);
    return 1.0f;
  }
  alignas(64) float scale[kWidth];
  store(scale, exp2_scaled(set1(maximum - next), factor, lowest));
  maximum = next;
  total = total * scale[0] + sum_of(sum);
  return scale[0];
}

/// partial = weights * V for keys [begin, end) of the block.
static void block_values(const AttentionScratch& s, int64_t block_keys, int rows, int64_t begin, int64_t end) {
  Tile tile = {};
  tile.a = s.scores + begin;
  tile.a_row = s.score_row;
  tile.b_row = kPanelColumns;
  tile.b_panel = block_keys * kPanelColumns;
  tile.k = end - begin;
  tile.out_row = s.value_columns;
  const int64_t last = s.value_columns / kPanelColumns;
  for (int64_t panel = 0; panel < last;) {
    const int panels = static_cast<int>(smaller(kTilePanels, last - panel));
    tile.b = s.values + panel * tile.b_panel + begin * kPanelColumns;
    tile.out = s.partial + panel * kPanelColumns;
    tile_for(rows, panels, false)(tile);
    panel += panels;
  }
}

/// y = y * factor + partial, or y = partial for the first block.
static void add_partial(float* y, const float* partial, float factor, bool first_block, int64_t n) {
  const F f = set1(factor);
  for_each_vector(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
    const F p = load(partial + i);
    store_some(y + i, first_block ? p : fma(load_some(y + i, lanes), f, p), lanes);
  });
}

/// One group of up to kTileRows queries against one block of keys.
static void attend_rows(const AttentionArgs& args, const AttentionScratch& s, const KeyBlock& block, int64_t batch,
                        int64_t head, int64_t query_begin, int64_t query, int rows, bool first_block) {
  KeyRange seen[8];
  KeyRange all = {block.count, 0};
  for (int i = 0; i < rows; ++i) {
    const KeyRange keys = visible_keys(args, batch, query + i);
    seen[i].begin = larger(0, smaller(block.count, keys.begin - block.begin));
    seen[i].end = larger(seen[i].begin, smaller(block.count, keys.end - block.begin));
    if (seen[i].begin == seen[i].end) continue;
    all.begin = smaller(all.begin, seen[i].begin);
    all.end = larger(all.end, seen[i].end);
  }
  float* y = args.y + batch * args.y_strides.batch + head * args.y_strides.head + query * args.y_strides.seq;
  if (all.begin >= all.end) {
    if (!first_block) return;
    for (int i = 0; i < rows; ++i) {
      for (int64_t c = 0; c < args.value_size; ++c) y[i * args.y_strides.seq + c] = 0.0f;
    }
    return;
  }
  const int64_t begin = all.begin / kPanelColumns * kPanelColumns;
  const int64_t end = panel_count(all.end) * kPanelColumns;
  const ScoreRule rule = score_rule(args);
  const bool adjust = !rule.raw || args.mask_kind == RLX_MASK_BOOL || args.mask_kind == RLX_MASK_KEY_BOOL;
  const float* q = args.q + batch * args.q_strides.batch + head * args.q_strides.head + query * args.q_strides.seq;
  block_scores(args, s, q, rows, begin, all.end);
  float factor[8];
  for (int i = 0; i < rows; ++i) {
    float* score = s.scores + i * s.score_row;
    if (adjust) adjust_scores(args, score, batch, head, query + i, block.begin, begin, all.end);
    hide_scores(score, begin, end, seen[i].begin, seen[i].end);
    const int64_t at = query + i - query_begin;
    factor[i] = soften(score, begin, end, rule.to_log2, s.maximum[at], s.total[at]);
  }
  block_values(s, block.count, rows, begin, all.end);
  for (int i = 0; i < rows; ++i) {
    add_partial(y + i * args.y_strides.seq, s.partial + i * s.value_columns, factor[i], first_block, args.value_size);
  }
}

/// Packs keys [begin, begin + count) and their values.
static KeyBlock pack_block(const AttentionArgs& args, const AttentionScratch& s, int64_t batch, int64_t head,
                           int64_t begin, int64_t count) {
  const int64_t kv_head = head / (args.heads / args.kv_heads);
  KeyBlock block;
  block.k = args.k + batch * args.k_strides.batch + kv_head * args.k_strides.head + begin * args.k_strides.seq;
  block.v = args.v + batch * args.v_strides.batch + kv_head * args.v_strides.head + begin * args.v_strides.seq;
  block.begin = begin;
  block.count = count;
  const PackPart keys = {block.k, 1, args.k_strides.seq, count, 1.0f};
  const PackPart values = {block.v, args.v_strides.seq, 1, args.value_size, 1.0f};
  pack_b(&keys, 1, args.head_size, 0, panel_count(count), s.keys);
  pack_b(&values, 1, count, 0, panel_count(args.value_size), s.values);
  return block;
}

/// Divides by the sum of weights; a row that saw nothing gives zeros.
static void normalize_rows(const AttentionArgs& args, const AttentionScratch& s, float* y, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i, y += args.y_strides.seq) {
    const F inverse = set1(s.total[i] == 0.0f ? 0.0f : 1.0f / s.total[i]);
    for_each_vector(args.value_size, [&](int64_t c, int64_t lanes) __attribute__((always_inline)) {
      store_some(y + c, load_some(y + c, lanes) * inverse, lanes);
    });
  }
}

static void attention(const AttentionArgs& args, int64_t batch, int64_t head, int64_t query_begin,
                      int64_t query_end, float* scratch) {
  const int64_t rows = query_end - query_begin;
  if (rows <= 0) return;
  const AttentionScratch s = lay_out(args, rows, scratch);
  KeyRange needed = {args.key_count, 0};
  for (int64_t i = query_begin; i < query_end; ++i) {
    s.maximum[i - query_begin] = -__builtin_inff();
    s.total[i - query_begin] = 0.0f;
    const KeyRange keys = visible_keys(args, batch, i);
    if (keys.begin == keys.end) continue;
    needed.begin = smaller(needed.begin, keys.begin);
    needed.end = larger(needed.end, keys.end);
  }
  float* y = args.y + batch * args.y_strides.batch + head * args.y_strides.head + query_begin * args.y_strides.seq;
  bool first_block = true;
  for (int64_t begin = needed.begin / kKeyBlock * kKeyBlock; begin < needed.end; begin += kKeyBlock) {
    const KeyBlock block = pack_block(args, s, batch, head, begin, smaller(kKeyBlock, needed.end - begin));
    for (int64_t query = query_begin; query < query_end; query += kTileRows) {
      const int group = static_cast<int>(smaller(kTileRows, query_end - query));
      attend_rows(args, s, block, batch, head, query_begin, query, group, first_block);
    }
    first_block = false;
  }
  if (first_block) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t c = 0; c < args.value_size; ++c) y[i * args.y_strides.seq + c] = 0.0f;
    }
    return;
  }
  normalize_rows(args, s, y, rows);
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_ATTENTION_IMPL_H_
