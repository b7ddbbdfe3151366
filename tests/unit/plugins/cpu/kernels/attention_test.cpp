// SPDX-License-Identifier: Apache-2.0
// Attention against float64 for every mask, causality, window and grouping; zero rows; row invariance.
#include "test_support.h"

namespace rlx_cpu {
namespace {

using Attention = KernelTest;
RLX_FOR_EACH_ISA(Attention);

/// One problem with its operands laid out [batch, seq, head, inner], as a packed projection leaves them.
struct Problem {
  AttentionArgs args = {};
  int64_t batches;
  Guarded<float> q, k, v, y, bias;
  Guarded<uint8_t> allowed;
  Guarded<int64_t> lengths;

  Problem(int64_t batch_count, int64_t heads, int64_t kv_heads, int64_t sq, int64_t sk, int64_t d, int64_t dv)
      : batches(batch_count),
        q(batch_count * sq * heads * d, 1),
        k(batch_count * sk * kv_heads * d, 2),
        v(batch_count * sk * kv_heads * dv, 3),
        y(batch_count * sq * heads * dv),
        bias(batch_count * heads * sq * sk, 4, 3.0f),
        allowed(batch_count * heads * sq * sk),
        lengths(batch_count) {
    args.q = q.data();
    args.k = k.data();
    args.v = v.data();
    args.y = y.data();
    args.q_strides = {sq * heads * d, d, heads * d};
    args.k_strides = {sk * kv_heads * d, d, kv_heads * d};
    args.v_strides = {sk * kv_heads * dv, dv, kv_heads * dv};
    args.y_strides = {sq * heads * dv, dv, heads * dv};
    args.heads = heads;
    args.kv_heads = kv_heads;
    args.query_count = sq;
    args.key_count = sk;
    args.head_size = d;
    args.value_size = dv;
    args.scale = 0.7f;
    args.window_left = args.window_right = -1;
    Random random(7);
    for (int64_t i = 0; i < allowed.size(); ++i)
      allowed[i] = random.below(3) != 0 ? static_cast<uint8_t>(1 + random.below(255)) : 0;
    for (int64_t b = 0; b < batch_count; ++b) lengths[b] = std::max<int64_t>(0, sk - 3 * b - 1);
  }

  void set_mask(uint32_t kind) {
    const int64_t sq = args.query_count, sk = args.key_count;
    const int64_t full[4] = {args.heads * sq * sk, sq * sk, sk, 1}, per_key[4] = {sk, 0, 0, 1},
                  per_batch[4] = {1, 0, 0, 0};
    args.mask_kind = kind;
    args.mask = kind == RLX_MASK_BIAS      ? static_cast<const void*>(bias.data())
                : kind == RLX_MASK_LENGTHS ? static_cast<const void*>(lengths.data())
                                           : static_cast<const void*>(allowed.data());
    const int64_t* strides = kind == RLX_MASK_KEY_BOOL  ? per_key
                             : kind == RLX_MASK_LENGTHS ? per_batch
                                                        : full;
    std::memcpy(args.mask_strides, strides, sizeof full);
  }

  bool visible(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const int64_t at = args.causal == RLX_CAUSAL_BOTTOM_RIGHT ? i + args.key_count - args.query_count : i;
    if (args.causal != RLX_CAUSAL_NONE && j > at) return false;
    if (args.window_left >= 0 && j < at - args.window_left) return false;
    if (args.window_right >= 0 && j > at + args.window_right) return false;
    const int64_t* s = args.mask_strides;
    if (args.mask_kind == RLX_MASK_BOOL) return allowed[b * s[0] + h * s[1] + i * s[2] + j * s[3]] != 0;
    if (args.mask_kind == RLX_MASK_KEY_BOOL) return allowed[b * s[0] + j * s[3]] != 0;
    if (args.mask_kind == RLX_MASK_LENGTHS) return j < lengths[b];
    return true;
  }

  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const int64_t kv = h / (args.heads / args.kv_heads);
    double s = 0;
    for (int64_t l = 0; l < args.head_size; ++l) {
      s += static_cast<double>(
               q[b * args.q_strides.batch + h * args.q_strides.head + i * args.q_strides.seq + l]) *
           k[b * args.k_strides.batch + kv * args.k_strides.head + j * args.k_strides.seq + l];
    }
    s *= args.scale;
    if (args.softcap != 0) s = args.softcap * std::tanh(s / args.softcap);
    const int64_t* m = args.mask_strides;
    if (args.mask_kind == RLX_MASK_BIAS) s += bias[b * m[0] + h * m[1] + i * m[2] + j * m[3]];
    return s;
  }

  void run(const KernelTable& table, int64_t rows_at_a_time) {
    y.fill(kNaN);
    Guarded<float> scratch(attention_scratch_floats(args, rows_at_a_time));
    scratch.fill(kNaN);
    for (int64_t b = 0; b < batches; ++b) {
      for (int64_t h = 0; h < args.heads; ++h) {
        for (int64_t i = 0; i < args.query_count; i += rows_at_a_time) {
          table.attention(args, b, h, i, std::min(args.query_count, i + rows_at_a_time), scratch.data());
        }
      }
    }
  }

  void check() const {
    for (int64_t b = 0; b < batches; ++b) {
      for (int64_t h = 0; h < args.heads; ++h) {
        for (int64_t i = 0; i < args.query_count; ++i) check_row(b, h, i);
      }
    }
  }

  void check_row(int64_t b, int64_t h, int64_t i) const {
    const int64_t kv = h / (args.heads / args.kv_heads);
    std::vector<double> weight(static_cast<size_t>(args.key_count), 0.0);
    double best = -1e300, total = 0, span = 1;
    for (int64_t j = 0; j < args.key_count; ++j) {
      if (visible(b, h, i, j)) best = std::max(best, score(b, h, i, j));
    }
    for (int64_t j = 0; j < args.key_count; ++j) {
      if (!visible(b, h, i, j)) continue;
      const double s = score(b, h, i, j);
      span = std::max(span, std::fabs(s));
      total += weight[static_cast<size_t>(j)] = std::exp(s - best);
    }
    for (int64_t c = 0; c < args.value_size; ++c) {
      double want = 0, size = 0;
      for (int64_t j = 0; j < args.key_count; ++j) {
        if (total == 0) break;
        const double term =
            weight[static_cast<size_t>(j)] / total *
            v[b * args.v_strides.batch + kv * args.v_strides.head + j * args.v_strides.seq + c];
        want += term;
        size += std::fabs(term);
      }
      const float got = y[b * args.y_strides.batch + h * args.y_strides.head + i * args.y_strides.seq + c];
      // Scores err by gamma_{D+3} times their size, weights by that much again, the sums by gamma_{Sk}.
      const double allowed = (2 * gamma(args.head_size + 6) * (span + static_cast<double>(args.head_size)) +
                              gamma(args.key_count + 8)) *
                             size;
      ASSERT_LE(std::fabs(got - want), allowed) << "batch " << b << " head " << h << " query " << i
                                                << " column " << c << ": " << got << ", want " << want;
    }
  }
};

struct Shape {
  int64_t batches, heads, kv_heads, sq, sk, d, dv;
};

const Shape kShapes[] = {{1, 1, 1, 1, 1, 1, 1},      {2, 2, 2, 5, 7, 8, 8},      {1, 4, 2, 17, 33, 16, 16},
                         {1, 2, 1, 9, 48, 32, 32},   {2, 3, 3, 16, 16, 20, 13},  {1, 2, 2, 3, 100, 64, 40},
                         {1, 1, 1, 12, 530, 32, 32}, {1, 2, 1, 4, 1100, 16, 24}, {1, 1, 1, 40, 40, 128, 128}};

TEST_P(Attention, MatchesTheFormulaForEveryMask) {
  for (const Shape& s : kShapes) {
    for (uint32_t kind = RLX_MASK_NONE; kind <= RLX_MASK_LENGTHS; ++kind) {
      SCOPED_TRACE(testing::Message()
                   << s.sq << " queries, " << s.sk << " keys, D " << s.d << ", mask " << kind);
      Problem p(s.batches, s.heads, s.kv_heads, s.sq, s.sk, s.d, s.dv);
      p.set_mask(kind);
      p.run(table(), s.sq);
      p.check();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Attention, CausalAndWindowsHideKeys) {
  for (const Shape& s : {Shape{1, 1, 1, 21, 21, 16, 16}, Shape{1, 2, 1, 9, 40, 16, 16},
                         Shape{1, 1, 1, 40, 9, 16, 16}, Shape{1, 1, 1, 600, 600, 8, 8}}) {
    for (const uint32_t causal : {RLX_CAUSAL_NONE, RLX_CAUSAL_TOP_LEFT, RLX_CAUSAL_BOTTOM_RIGHT}) {
      for (const int64_t left : {-1, 0, 5}) {
        for (const int64_t right : {-1, 0, 3}) {
          SCOPED_TRACE(testing::Message()
                       << s.sq << "x" << s.sk << " causal " << causal << " window " << left << "," << right);
          Problem p(s.batches, s.heads, s.kv_heads, s.sq, s.sk, s.d, s.dv);
          p.args.causal = causal;
          p.args.window_left = left;
          p.args.window_right = right;
          p.run(table(), s.sq);
          p.check();
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(Attention, SoftcapAndNegativeScale) {
  for (const float softcap : {0.0f, 2.0f}) {
    for (const float scale : {-0.5f, 0.0f, 3.0f}) {
      Problem p(1, 2, 2, 10, 50, 16, 16);
      p.args.softcap = softcap;
      p.args.scale = scale;
      p.run(table(), 10);
      p.check();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Attention, RowsDoNotDependOnTheCut) {
  for (uint32_t kind = RLX_MASK_NONE; kind <= RLX_MASK_LENGTHS; ++kind) {
    for (const uint32_t causal : {RLX_CAUSAL_NONE, RLX_CAUSAL_TOP_LEFT}) {
      Problem p(2, 2, 1, 30, 560, 32, 20);
      p.set_mask(kind);
      p.args.causal = causal;
      p.run(table(), 30);
      const std::vector<float> whole = p.y.copy();
      for (const int64_t rows : {1, 3, 8, 13}) {
        p.run(table(), rows);
        ASSERT_TRUE(same_bits(whole.data(), p.y.data(), p.y.size())) << "mask " << kind << " rows " << rows;
      }
    }
  }
}

TEST_P(Attention, PaddedEqualsExactBitForBit) {
  for (const int64_t length : {1, 16, 37, 128, 511, 520}) {
    Problem padded(1, 1, 1, 5, 700, 32, 32);
    padded.set_mask(RLX_MASK_LENGTHS);
    padded.lengths[0] = length;
    padded.run(table(), 5);
    Problem keys(1, 1, 1, 5, 700, 32, 32);
    keys.set_mask(RLX_MASK_KEY_BOOL);
    for (int64_t j = 0; j < 700; ++j) keys.allowed[j] = j < length;
    keys.run(table(), 5);
    Problem exact(1, 1, 1, 5, 700, 32, 32);
    exact.args.key_count = length;
    exact.run(table(), 5);
    EXPECT_TRUE(same_bits(padded.y.data(), exact.y.data(), exact.y.size())) << length;
    EXPECT_TRUE(same_bits(keys.y.data(), exact.y.data(), exact.y.size())) << length;
  }
}

TEST_P(Attention, QueryThatSeesNothingGivesZeros) {
  for (const uint32_t kind : {RLX_MASK_BOOL, RLX_MASK_KEY_BOOL, RLX_MASK_LENGTHS}) {
    Problem p(1, 1, 1, 6, 20, 16, 16);
    p.set_mask(kind);
    p.allowed.fill(0);
    p.lengths[0] = 0;
    p.run(table(), 6);
    for (int64_t i = 0; i < p.y.size(); ++i) ASSERT_EQ(p.y[i], 0.0f) << "mask " << kind;
  }
  Problem none(1, 1, 1, 6, 0, 16, 16);
  none.run(table(), 6);
  for (int64_t i = 0; i < none.y.size(); ++i) ASSERT_EQ(none.y[i], 0.0f);
}

TEST_P(Attention, LowestFiniteBiasOnEveryKeyIsUniform) {
  Problem p(1, 1, 1, 2, 24, 16, 16);
  p.set_mask(RLX_MASK_BIAS);
  p.bias.fill(-std::numeric_limits<float>::max());
  p.run(table(), 2);
  for (int64_t c = 0; c < 16; ++c) {
    double mean = 0;
    for (int64_t j = 0; j < 24; ++j) mean += p.v[j * 16 + c] / 24.0;
    ASSERT_NEAR(p.y[c], mean, 1e-5);
  }
}

TEST_P(Attention, BroadcastMaskUsesZeroStrides) {
  Problem p(2, 2, 2, 6, 33, 16, 16);
  p.set_mask(RLX_MASK_BIAS);
  p.args.mask_strides[0] = p.args.mask_strides[1] = 0;
  p.run(table(), 6);
  p.check();
  p.args.mask_strides[2] = 1;
  p.args.mask_strides[3] = 2;
  p.run(table(), 6);
  p.check();
}

TEST_P(Attention, NaNStaysInItsRow) {
  Problem p(1, 1, 1, 8, 40, 16, 16);
  p.q[3 * 16 + 2] = kNaN;
  p.run(table(), 8);
  for (int64_t i = 0; i < 8; ++i) {
    for (int64_t c = 0; c < 16; ++c) ASSERT_EQ(std::isnan(p.y[i * 16 + c]), i == 3);
  }
}

}  // namespace
}  // namespace rlx_cpu
