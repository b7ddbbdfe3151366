// SPDX-License-Identifier: Apache-2.0
// Compiles attention and rope: f32 attention on the kernel without a scores matrix, everything else on the
// generic one.
#include <cmath>

#include "compile_ops.h"
#include "kernels/generic/block.h"
#include "kernels/generic/composite.h"

namespace rlx_cpu {
namespace {

constexpr int64_t kQueryBlock =
    128;  // queries per piece of work: each piece packs its head's keys and values again

struct AttentionOp {
  ViewId q, k, v, y;
  ViewId mask = kNoView;
  AttentionAttrs attrs;
};

std::optional<Answer> read_mask(OpContext& c, AttentionOp* a) {
  const View q = c.x(0), k = c.x(1);
  const uint32_t kind = a->attrs.mask_kind;
  if (kind > RLX_MASK_SEQ_OFFSETS) return c.about_attr(RLX_ATTR_MASK_KIND, "has an unknown value");
  if ((kind != RLX_MASK_NONE) != c.present(3))
    return c.about(3, "is there without a mask kind, or the other way round");
  if (kind == RLX_MASK_NONE) return std::nullopt;
  const uint32_t dtype = c.x(3).dtype;
  const bool narrow = kind == RLX_MASK_SEQ_OFFSETS && dtype == RLX_DTYPE_I32;
  const uint32_t wanted = kind == RLX_MASK_BIAS                                        ? q.dtype
                          : narrow                                                     ? RLX_DTYPE_I32
                          : kind == RLX_MASK_LENGTHS || kind == RLX_MASK_SEQ_OFFSETS ? RLX_DTYPE_I64
                                                                                       : RLX_DTYPE_BOOL;
  if (dtype != wanted) return c.no_dtype(3, dtype);
  a->mask = c.in(3);
  if (kind == RLX_MASK_BOOL || kind == RLX_MASK_BIAS) {
    const int64_t dims[4] = {q.dims[0], q.dims[1], q.dims[2], k.dims[2]};
    const auto stretched = c.b.stretched(a->mask, 4, dims);
    if (!stretched) return c.about(3, "does not stretch to the scores");
    a->mask = *stretched;
    return std::nullopt;
  }
  const View mask = c.x(3);
  if (kind == RLX_MASK_SEQ_OFFSETS) {
    if (mask.rank == 1 && mask.dims[0] >= 1 && q.dims[2] == k.dims[2]) return std::nullopt;
    return c.about(3, "is not [N+1] for as many queries as keys");
  }
  const bool fits = kind == RLX_MASK_KEY_BOOL
                        ? mask.rank == 2 && mask.dims[0] == q.dims[0] && mask.dims[1] == k.dims[2]
                        : mask.rank == 1 && mask.dims[0] == q.dims[0];
  if (!fits) return c.about(3, "has the wrong dims for its mask kind");
  return std::nullopt;
}

std::optional<Answer> read_attention(OpContext& c, AttentionOp* a) {
  RLX_CPU_REQUIRE(c.counts(3, 4, 1, 1));
  const View q = c.x(0), k = c.x(1), v = c.x(2), y = c.y(0);
  if (!is_float_dtype(q.dtype)) return c.no_dtype(0, q.dtype);
  if (k.dtype != q.dtype || v.dtype != q.dtype || y.dtype != q.dtype) return c.no_dtype(1, k.dtype);
  if (q.rank != 4 || k.rank != 4 || v.rank != 4 || y.rank != 4) return c.wrong_dims();
  const bool fits = k.dims[0] == q.dims[0] && v.dims[0] == q.dims[0] && v.dims[1] == k.dims[1] &&
                    k.dims[3] == q.dims[3] && v.dims[2] == k.dims[2] && y.dims[0] == q.dims[0] &&
                    y.dims[1] == q.dims[1] && y.dims[2] == q.dims[2] && y.dims[3] == v.dims[3] &&
                    (k.dims[1] == 0 ? q.dims[1] == 0 : q.dims[1] % k.dims[1] == 0);
  if (!fits) return c.wrong_dims();
  a->attrs.scale = c.f64(RLX_ATTR_SCALE, 1 / std::sqrt(double(std::max<int64_t>(q.dims[3], 1))));
  a->attrs.softcap = c.f64(RLX_ATTR_SOFTCAP);
  a->attrs.causal = c.u32(RLX_ATTR_CAUSAL);
  a->attrs.window_left = c.i64(RLX_ATTR_WINDOW_LEFT, -1);
  a->attrs.window_right = c.i64(RLX_ATTR_WINDOW_RIGHT, -1);
  a->attrs.mask_kind = c.u32(RLX_ATTR_MASK_KIND);
  if (a->attrs.causal > RLX_CAUSAL_LENGTH) return c.about_attr(RLX_ATTR_CAUSAL, "has an unknown value");
  if (a->attrs.causal == RLX_CAUSAL_LENGTH && a->attrs.mask_kind != RLX_MASK_LENGTHS)
    return c.about_attr(RLX_ATTR_CAUSAL, "counts from lengths, which are not there");
  a->q = c.in(0), a->k = c.in(1), a->v = c.in(2), a->y = c.out(0);
  return read_mask(c, a);
}

/// Keys that a run is likely to read: a cache has room for more than it holds.
double expected_keys(const AttentionArgs& args) {
  constexpr int64_t kUsual = 512;
  const bool cache = args.mask_kind == RLX_MASK_LENGTHS && args.causal == RLX_CAUSAL_LENGTH;
  return double(cache ? std::min(args.key_count, std::max(args.query_count, kUsual)) : args.key_count);
}

bool inner_dense(const View& view) { return view.dims[3] <= 1 || view.strides[3] == 1; }
HeadStrides head_strides(const View& view) { return {view.strides[0], view.strides[1], view.strides[2]}; }

/// Each sequence is a call of its own, so that its rows come out as if it were alone.
struct PackedAttention {
  AttentionOp op;
  AttentionArgs args;

  KernelStatus operator()(const StepRun& run, Range range) const {
    const View& offsets = run.views[op.mask];
    if (const KernelStatus status = check_offsets(offsets, args.query_count); !status.ok()) return status;
    const int64_t sequences = offsets.dims[0] - 1;
    for (int64_t item = range.begin; item < range.end; ++item) {
      const int64_t pair = item % (sequences + 2), head = item / (sequences + 2);
      const int64_t begin = pair == 0 ? 0 : at(offsets, pair - 1);
      const int64_t end = pair > sequences ? args.query_count : at(offsets, pair);
      one(run, head / args.heads, head % args.heads, begin, end, pair == 0 || pair > sequences);
    }
    return {};
  }

 private:
  static int64_t at(const View& offsets, int64_t n) {
    return load_i64(offsets.dtype, element_at(offsets, n * offsets.strides[0]));
  }

  /// `outside`: rows before the first or behind the last sequence, which see nothing.
  void one(const StepRun& run, int64_t batch, int64_t head, int64_t begin, int64_t end, bool outside) const {
    AttentionArgs own = args;
    own.q = static_cast<const float*>(run.views[op.q].data) + begin * own.q_strides.seq;
    own.k = static_cast<const float*>(run.views[op.k].data) + begin * own.k_strides.seq;
    own.v = static_cast<const float*>(run.views[op.v].data) + begin * own.v_strides.seq;
    own.y = static_cast<float*>(run.views[op.y].data) + begin * own.y_strides.seq;
    own.query_count = end - begin;
    own.key_count = outside ? 0 : end - begin;
    for (int64_t query = 0; query < own.query_count; query += kQueryBlock)
      kernels().attention(own, batch, head, query, std::min(query + kQueryBlock, own.query_count),
                          reinterpret_cast<float*>(run.scratch));
  }
};

void add_packed_attention(OpContext& c, const AttentionOp& a, AttentionArgs args) {
  args.mask_kind = RLX_MASK_NONE;
  // Within one sequence, as many queries as keys: the diagonals are one.
  if (args.causal == RLX_CAUSAL_BOTTOM_RIGHT) args.causal = RLX_CAUSAL_TOP_LEFT;
  const View q = c.x(0);
  const int64_t pairs = c.x(3).dims[0] + 1;  // the sequences, and the rows before and behind them
  const int64_t heads = q.dims[0] * q.dims[1];
  c.b.need_scratch(static_cast<uint64_t>(attention_scratch_floats(args, std::min(kQueryBlock, args.query_count))) * sizeof(float));
  const double scores = double(heads) * double(args.query_count) * double(args.key_count) / double(std::max<int64_t>(pairs - 2, 1));
  const double ns = scores * (2.0 * double(args.head_size + args.value_size) / 40 + 1) +
                    double(heads * args.key_count * (args.head_size + args.value_size)) * 0.5;
  c.b.step(Builder::Work{c.index(), heads * pairs, ns, {a.q, a.k, a.v, a.mask}, {a.y}}, PackedAttention{a, args});
}

bool add_fast_attention(OpContext& c, const AttentionOp& a) {
  const View q = c.x(0), k = c.x(1), v = c.x(2), y = c.y(0);
  if (q.dtype != RLX_DTYPE_F32 || !inner_dense(q) || !inner_dense(k) || !inner_dense(v) || !inner_dense(y))
    return false;
  AttentionArgs args{};
  args.q_strides = head_strides(q), args.k_strides = head_strides(k), args.v_strides = head_strides(v),
  args.y_strides = head_strides(y);
  args.heads = q.dims[1], args.kv_heads = k.dims[1];
  args.query_count = q.dims[2], args.key_count = k.dims[2];
  args.head_size = q.dims[3], args.value_size = v.dims[3];
  args.scale = static_cast<float>(a.attrs.scale), args.softcap = static_cast<float>(a.attrs.softcap);
  args.causal = a.attrs.causal;
  args.window_left = a.attrs.window_left, args.window_right = a.attrs.window_right;
  args.mask_kind = a.attrs.mask_kind;
  if (a.mask != kNoView) {
    const View& mask = c.b.view(a.mask);
    if (a.attrs.mask_kind == RLX_MASK_KEY_BOOL)
      args.mask_strides[0] = mask.strides[0], args.mask_strides[3] = mask.strides[1];
    else
      for (uint32_t i = 0; i < mask.rank; ++i) args.mask_strides[i] = mask.strides[i];
  }
  if (element_count(y) == 0 && a.attrs.mask_kind != RLX_MASK_SEQ_OFFSETS) return true;
  if (a.attrs.mask_kind == RLX_MASK_SEQ_OFFSETS) {
    add_packed_attention(c, a, args);
    return true;
  }
  const int64_t heads = q.dims[0] * q.dims[1];
  // Whole heads where there are enough of them for all threads.
  const int64_t block =
      heads >= 2 * int64_t(c.b.threads()) ? std::max<int64_t>(args.query_count, 1) : kQueryBlock;
  const int64_t rows = std::min(block, args.query_count);
  const int64_t blocks = (args.query_count + block - 1) / block;
  c.b.need_scratch(static_cast<uint64_t>(attention_scratch_floats(args, rows)) * sizeof(float));
  const double keys = expected_keys(args), scores = double(heads) * double(args.query_count) * keys;
  const double ns = scores * (2.0 * double(args.head_size + args.value_size) / 40 + 1) +
                    double(heads) * keys * double(args.head_size + args.value_size) * 0.5;
  Builder::Work work{c.index(), heads * blocks, ns, {a.q, a.k, a.v}, {a.y}};
  if (a.mask != kNoView) work.reads.push_back(a.mask);
  c.b.step(work, [=](const StepRun& run, Range range) -> KernelStatus {
    AttentionArgs own = args;
    own.q = static_cast<const float*>(run.views[a.q].data);
    own.k = static_cast<const float*>(run.views[a.k].data);
    own.v = static_cast<const float*>(run.views[a.v].data);
    own.y = static_cast<float*>(run.views[a.y].data);
    own.mask = a.mask == kNoView ? nullptr : run.views[a.mask].data;
    for (int64_t item = range.begin; item < range.end; ++item) {
      const int64_t head = item / blocks, query = item % blocks * block;
      kernels().attention(own, head / own.heads, head % own.heads, query,
                          std::min(query + block, own.query_count), reinterpret_cast<float*>(run.scratch));
    }
    return {};
  });
  return true;
}

}  // namespace

Answer compile_attention(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  AttentionOp a{};
  RLX_CPU_REQUIRE(read_attention(c, &a));
  if (add_fast_attention(c, a)) return {};
  const View q = c.x(0), k = c.x(1);
  Builder::Work work{c.index(),
                     attention_items(q),
                     double(element_count(q)) * double(k.dims[2]) * 4,
                     {a.q, a.k, a.v},
                     {a.y}};
  if (a.mask != kNoView) work.reads.push_back(a.mask);
  b.step(work, [=](const StepRun& run, Range range) {
    return attention(run.views[a.q], run.views[a.k], run.views[a.v],
                     a.mask == kNoView ? nullptr : &run.views[a.mask], a.attrs, run.views[a.y], range);
  });
  return {};
}

Answer compile_rope(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(3, 4, 1, 1));
  const View x = c.x(0), cosines = c.x(1), sines = c.x(2), y = c.y(0);
  if (!is_float_dtype(x.dtype)) return c.no_dtype(0, x.dtype);
  if (cosines.dtype != x.dtype || sines.dtype != x.dtype || y.dtype != x.dtype)
    return c.no_dtype(1, cosines.dtype);
  if (x.rank != 4 || !same_dims(x, y) || !same_dims(cosines, sines)) return c.wrong_dims();
  RopeAttrs attrs;
  attrs.rotary_dims = c.i64(RLX_ATTR_ROTARY_DIMS, x.dims[3]);
  attrs.interleaved = c.i64(RLX_ATTR_INTERLEAVED) != 0;
  // The kernel takes 0 as "all"; none at all is the expansion's.
  if (attrs.rotary_dims < 1 || attrs.rotary_dims > x.dims[3] || attrs.rotary_dims % 2 != 0)
    return c.about_attr(RLX_ATTR_ROTARY_DIMS, "is not an even number up to D");
  const int64_t half = attrs.rotary_dims / 2;
  const bool table =
      cosines.rank == 2 && cosines.dims[1] == half && (c.present(3) || cosines.dims[0] >= x.dims[2]);
  const bool each = cosines.rank == 3 && !c.present(3) && cosines.dims[0] == x.dims[0] &&
                    cosines.dims[1] == x.dims[2] && cosines.dims[2] == half;
  if (!table && !each) return c.about(1, "is neither [P, R/2] nor [B, S, R/2]");
  if (c.present(3)) {
    if (c.x(3).dtype != RLX_DTYPE_I64) return c.no_dtype(3, c.x(3).dtype);
    if (c.x(3).rank != 2 || c.x(3).dims[0] != x.dims[0] || c.x(3).dims[1] != x.dims[2])
      return c.about(3, "is not [B, S]");
  }
  const ViewId from = c.in(0), cv = c.in(1), sv = c.in(2), positions = c.present(3) ? c.in(3) : kNoView,
               to = c.out(0);
  b.step(c.work(rope_items(x), double(element_count(x)) * 3), [=](const StepRun& run, Range range) {
    return rope(run.views[from], run.views[cv], run.views[sv],
                positions == kNoView ? nullptr : &run.views[positions], attrs, run.views[to], range);
  });
  return Answer::native_for_these_sizes();  // ROTARY_DIMS 0 is not
}

}  // namespace rlx_cpu
