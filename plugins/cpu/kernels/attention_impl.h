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
  int64_t at = args.causal == RLX_CAUSAL_BOTTOM_RIGHT ? i + args.key_count - args.query_count : i;
  if (args.causal == RLX_CAUSAL_LENGTH)
    at = i + static_cast<const int64_t*>(args.mask)[batch * args.mask_strides[0]] - args.query_count;
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
  float* keys;     ///< panels of 16 keys x head_size
  float* values;   ///< panels of 16 value columns x keys of the block
  float* scores;   ///< kTileRows rows
  float* partial;  ///< kTileRows rows of padded value columns
  float* maximum;  ///< per query of the call, in units of the stored scores
  float* total;    ///< per query of the call
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

/// The scores are kept raw where softmax may take the scale itself; otherwise they are final and in units of
/// e.
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
    tile_for(rows, panels, 0)(tile);
    panel += panels;
  }
}

/// Turns raw scores of one row into final ones where scale, softcap, bias or a bool mask ask for it.
static void adjust_scores(const AttentionArgs& args, float* score, int64_t batch, int64_t head, int64_t query,
                          int64_t key_begin, int64_t begin, int64_t end) {
  const int64_t* strides = args.mask_strides;
  const int64_t row =
      batch * strides[0] + (args.mask_kind == RLX_MASK_KEY_BOOL ? 0 : head * strides[1] + query * strides[2]);
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

/// Writes -Inf over whole vectors [from, to) wherever they lie outside [begin, end).
static void hide_scores(float* score, int64_t from, int64_t to, int64_t begin, int64_t end) {
  const F hidden = set1(-__builtin_inff());
  for (int64_t j = from; j < begin; j += kWidth) {
    const int64_t lanes = begin - j;
    store(score + j, lanes >= kWidth ? hidden : select(first(lanes), hidden, load(score + j)));
  }
  for (int64_t j = end / kWidth * kWidth; j < to; j += kWidth) {
    const int64_t lanes = end - j;
    store(score + j, lanes <= 0 ? hidden : select(first(lanes), load(score + j), hidden));
  }
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

/// Scores of whole vectors [begin, end) become weights 2^((score - maximum) * to_log2); returns their sum.
static inline float weigh(float* score, int64_t begin, int64_t end, float to_log2, float maximum) {
  const F factor = set1(to_log2);
  const F lowest = set1(-126.0f / to_log2);
  const F best = set1(maximum);
  F sum = zero();
  RLX_CPU_UNROLL(4)
  for (int64_t j = begin; j < end; j += kWidth) {
    const F weight = exp2_scaled(load(score + j) - best, factor, lowest);
    sum = sum + weight;
    store(score + j, weight);
  }
  return sum_of(sum);
}

/// The factor for what was summed under the old maximum, once `next` is the maximum.
static float rescale(float to_log2, float maximum, float next) {
  if (next == maximum) return 1.0f;
  if (maximum == -__builtin_inff()) return 0.0f;
  alignas(64) float scale[kWidth];
  store(scale, exp2_scaled(set1(maximum - next), set1(to_log2), set1(-126.0f / to_log2)));
  return scale[0];
}

/// Softmax step of a group of rows over whole vectors [begin, end). All maxima first: the rows' chains
/// overlap.
__attribute__((noinline)) static void soften_rows(float* scores, int64_t score_row, int rows, int64_t begin,
                                                  int64_t end, float to_log2, float* maximum, float* total,
                                                  float* factor) {
  float next[8];
  for (int i = 0; i < rows; ++i) {
    const float largest = largest_score(scores + i * score_row, begin, end);
    next[i] = largest > maximum[i] ? largest : maximum[i];
  }
  for (int i = 0; i < rows; ++i) {
    float* score = scores + i * score_row;
    if (next[i] == -__builtin_inff()) {
      factor[i] = 1.0f;
      total[i] += keep_only_nan(score, begin, end);
      continue;
    }
    factor[i] = rescale(to_log2, maximum[i], next[i]);
    maximum[i] = next[i];
    total[i] = total[i] * factor[i] + weigh(score, begin, end, to_log2, next[i]);
  }
}

/// partial = weights * V for keys [begin, end) of the block.
static void block_values(const AttentionScratch& s, int64_t block_keys, int rows, int64_t begin,
                         int64_t end) {
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
    tile_for(rows, panels, 0)(tile);
    panel += panels;
  }
}

/// True where key `key` takes part in the row of query `i`.
static bool sees(const AttentionArgs& args, int64_t batch, int64_t head, int64_t i, int64_t key) {
  const KeyRange range = visible_keys(args, batch, i);
  if (key < range.begin || key >= range.end) return false;
  const int64_t* strides = args.mask_strides;
  if (args.mask_kind == RLX_MASK_KEY_BOOL)
    return static_cast<const uint8_t*>(args.mask)[batch * strides[0] + key * strides[3]] != 0;
  const int64_t at = batch * strides[0] + head * strides[1] + i * strides[2] + key * strides[3];
  if (args.mask_kind == RLX_MASK_BOOL) return static_cast<const uint8_t*>(args.mask)[at] != 0;
  return args.mask_kind != RLX_MASK_BIAS || static_cast<const float*>(args.mask)[at] != -__builtin_inff();
}

/// True where no number of whole vectors [0, n) is infinite or NaN.
static inline bool all_finite(const float* row, int64_t n) {
  F sum = zero();
  for (int64_t i = 0; i < n; i += kWidth) sum = sum + load(row + i) * zero();
  return sum_of(sum) == 0.0f;
}

/// partial = weights * V of one row over the keys that it sees alone: a weight of 0 does not silence an infinity
/// or a NaN among the others' values.
__attribute__((noinline)) static void seen_values(const AttentionArgs& args, const KeyBlock& block, const float* weights,
                                                  int64_t batch, int64_t head, int64_t query, int64_t begin, int64_t end,
                                                  float* partial) {
  for (int64_t c = 0; c < args.value_size; ++c) partial[c] = 0.0f;
  for (int64_t j = begin; j < end; ++j) {
    if (!sees(args, batch, head, query, block.begin + j)) continue;
    const float* v = block.v + j * args.v_strides.seq;
    for (int64_t c = 0; c < args.value_size; ++c) partial[c] += weights[j] * v[c];
  }
}

/// What to divide by the sum of weights; a row that saw nothing gives zeros.
static inline float inverse_of(float total) { return total == 0.0f ? 0.0f : 1.0f / total; }

/// Where a block stands in its call: the first one starts y, a single one also finishes it.
struct BlockOrder {
  bool first;
  bool last;
};

/// y = y * factor + partial, times `inverse` if this is the last block.
static void add_partial(float* y, const float* partial, float factor, float inverse, BlockOrder order,
                        int64_t n) {
  const F f = set1(factor);
  const F scale = set1(inverse);
  for_each_vector(
      n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
        F v = load(partial + i);
        if (!order.first) v = fma(load_some(y + i, lanes), f, v);
        if (order.last) v = v * scale;
        store_some(y + i, v, lanes);
      });
}

/// Finishes rows that see no key of the block.
static void skip_block(const AttentionArgs& args, const AttentionScratch& s, float* y, int64_t at, int rows,
                       BlockOrder order) {
  for (int i = 0; i < rows; ++i, y += args.y_strides.seq) {
    const F scale = set1(order.first ? 0.0f : order.last ? inverse_of(s.total[at + i]) : 1.0f);
    for_each_vector(
        args.value_size, [&](int64_t c, int64_t lanes) __attribute__((always_inline)) {
          store_some(y + c, order.first ? zero() : load_some(y + c, lanes) * scale, lanes);
        });
  }
}

/// One group of up to kTileRows queries against one block of keys.
static void attend_rows(const AttentionArgs& args, const AttentionScratch& s, const KeyBlock& block,
                        int64_t batch, int64_t head, int64_t query_begin, int64_t query, int rows,
                        BlockOrder order) {
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
  const int64_t at = query - query_begin;
  if (all.begin >= all.end) {
    skip_block(args, s, y, at, rows, order);
    return;
  }
  const int64_t begin = all.begin / kPanelColumns * kPanelColumns;
  const int64_t end = panel_count(all.end) * kPanelColumns;
  const ScoreRule rule = score_rule(args);
  const bool adjust = !rule.raw || args.mask_kind == RLX_MASK_BOOL || args.mask_kind == RLX_MASK_KEY_BOOL;
  const float* q =
      args.q + batch * args.q_strides.batch + head * args.q_strides.head + query * args.q_strides.seq;
  block_scores(args, s, q, rows, begin, all.end);
  for (int i = 0; i < rows; ++i) {
    float* score = s.scores + i * s.score_row;
    if (adjust) adjust_scores(args, score, batch, head, query + i, block.begin, begin, all.end);
    hide_scores(score, begin, end, seen[i].begin, seen[i].end);
  }
  float factor[8];
  soften_rows(s.scores, s.score_row, rows, begin, end, rule.to_log2, s.maximum + at, s.total + at, factor);
  block_values(s, block.count, rows, begin, all.end);
  for (int i = 0; i < rows; ++i) {
    float* partial = s.partial + i * s.value_columns;
    if (!all_finite(partial, s.value_columns))
      seen_values(args, block, s.scores + i * s.score_row, batch, head, query + i, begin, all.end, partial);
    add_partial(y + i * args.y_strides.seq, partial, factor[i],
                inverse_of(s.total[at + i]), order, args.value_size);
  }
}

/// Packs keys [begin, begin + count) and their values.
static KeyBlock pack_block(const AttentionArgs& args, const AttentionScratch& s, int64_t batch, int64_t head,
                           int64_t begin, int64_t count) {
  const int64_t kv_head = head / (args.heads / args.kv_heads);
  KeyBlock block;
  block.k =
      args.k + batch * args.k_strides.batch + kv_head * args.k_strides.head + begin * args.k_strides.seq;
  block.v =
      args.v + batch * args.v_strides.batch + kv_head * args.v_strides.head + begin * args.v_strides.seq;
  block.begin = begin;
  block.count = count;
  const PackPart keys = {block.k, 1, args.k_strides.seq, count, 1.0f};
  const PackPart values = {block.v, args.v_strides.seq, 1, args.value_size, 1.0f};
  pack_b(&keys, 1, args.head_size, 0, panel_count(count), s.keys);
  pack_b(&values, 1, count, 0, panel_count(args.value_size), s.values);
  return block;
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
  float* y =
      args.y + batch * args.y_strides.batch + head * args.y_strides.head + query_begin * args.y_strides.seq;
  if (needed.begin >= needed.end) {
    for (int64_t i = 0; i < rows; ++i, y += args.y_strides.seq) {
      for (int64_t c = 0; c < args.value_size; ++c) y[c] = 0.0f;
    }
    return;
  }
  const int64_t first_key = needed.begin / kKeyBlock * kKeyBlock;
  for (int64_t begin = first_key; begin < needed.end; begin += kKeyBlock) {
    const KeyBlock block = pack_block(args, s, batch, head, begin, smaller(kKeyBlock, needed.end - begin));
    const BlockOrder order = {begin == first_key, begin + kKeyBlock >= needed.end};
    for (int64_t query = query_begin; query < query_end; query += kTileRows) {
      const int group = static_cast<int>(smaller(kTileRows, query_end - query));
      attend_rows(args, s, block, batch, head, query_begin, query, group, order);
    }
  }
}

}  // namespace rlx_cpu::RLX_CPU_ISA

#endif  // RLX_CPU_KERNELS_ATTENTION_IMPL_H_
