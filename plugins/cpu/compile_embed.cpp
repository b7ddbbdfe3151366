// SPDX-License-Identifier: Apache-2.0
// Compiles embed_norm: rows of several tables summed and normalised in one pass. Tables are read in place,
// never packed.
#include "compile_ops.h"

namespace rlx_cpu {
namespace {

constexpr uint32_t kMaxTables = 8;

struct Embed {
  struct Table {
    ViewId ids, rows;
    int64_t row_stride, extent;
  };
  std::vector<Table> tables;
  ViewId gamma, beta, y;
  int64_t width = 0;
  uint32_t policy = 0;
  bool negative = false;
  float eps = 0;
};

int64_t id_at(const View& ids, int64_t offset) {
  const char* data = static_cast<const char*>(ids.data);
  return ids.dtype == RLX_DTYPE_I64 ? reinterpret_cast<const int64_t*>(data)[offset]
                                    : reinterpret_cast<const int32_t*>(data)[offset];
}

/// Offset in elements of flat position `row`.
int64_t offset_at(const View& view, int64_t row) {
  int64_t offset = 0;
  for (uint32_t i = view.rank; i-- > 0; row /= view.dims[i]) offset += row % view.dims[i] * view.strides[i];
  return offset;
}

/// The row that an id names, null for a row of zeros; an error where the policy says so.
KernelStatus find_row(const Embed& embed, const Embed::Table& table, const StepRun& run, int64_t position,
                      const float** row) {
  const View& ids = run.views[table.ids];
  const int64_t offset = offset_at(ids, position);
  const int64_t id = id_at(ids, offset);
  int64_t at = embed.negative && id < 0 ? id + table.extent : id;
  *row = nullptr;
  if (at < 0 || at >= table.extent) {
    if (embed.policy == RLX_INDEX_ERROR) return {RLX_STATUS_DATA_ERROR, offset, id, table.extent};
    if (embed.policy == RLX_INDEX_ZERO || table.extent == 0) return {};
    at = at < 0 ? 0 : table.extent - 1;
  }
  *row = static_cast<const float*>(run.views[table.rows].data) + at * table.row_stride;
  return {};
}

KernelStatus embed_rows(const Embed& embed, const StepRun& run, Range range) {
  float* y = static_cast<float*>(run.views[embed.y].data);
  for (int64_t position = range.begin; position < range.end; ++position) {
    float* const sum = y + position * embed.width;
    for (size_t t = 0; t < embed.tables.size(); ++t) {
      const float* row = nullptr;
      const KernelStatus status = find_row(embed, embed.tables[t], run, position, &row);
      if (!status.ok()) return status;
      for (int64_t i = 0; i < embed.width; ++i) {
        const float value = row == nullptr ? 0.0f : row[i];
        sum[i] = t == 0 ? value : sum[i] + value;
      }
    }
  }
  NormArgs args{};
  args.x = args.y = y;
  args.x_row_stride = args.y_row_stride = args.n = embed.width;
  args.gamma = static_cast<const float*>(run.views[embed.gamma].data);
  args.beta = static_cast<const float*>(run.views[embed.beta].data);
  args.y = y;
  args.eps = embed.eps;
  kernels().layer_norm(args, range.begin, range.end);
  return {};
}

std::optional<Answer> read_table(OpContext& c, uint32_t i, uint32_t parts, Embed* embed) {
  const View ids = c.x(i), table = c.x(parts + i), y = c.y(0);
  if (ids.dtype != RLX_DTYPE_I64 && ids.dtype != RLX_DTYPE_I32) return c.no_dtype(i, ids.dtype);
  if (table.rank != 2 || table.dims[1] != embed->width)
    return c.about(parts + i, "is no table of rows as wide as the result");
  const auto stretched = c.b.stretched(c.in(i), y.rank - 1, y.dims);
  if (!stretched) return c.about(i, "does not stretch to the rows of the result");
  ViewId rows = c.in(parts + i);
  if (table.dims[1] > 1 && table.strides[1] != 1) rows = c.b.dense(rows, c.index());
  embed->tables.push_back({*stretched, rows, c.b.view(rows).strides[0], table.dims[0]});
  return std::nullopt;
}

}  // namespace

Answer compile_embed_norm(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  const int64_t parts = c.i64(RLX_ATTR_PARTS, 1);
  if (parts < 1 || parts > kMaxTables) return c.about_attr(RLX_ATTR_PARTS, "is not from 1 to 8");
  const uint32_t n = static_cast<uint32_t>(parts);
  RLX_CPU_REQUIRE(c.counts(2 * n + 2, 2 * n + 2, 1, 1));
  for (uint32_t i = n; i < 2 * n + 2; ++i) {
    if (c.x(i).dtype != RLX_DTYPE_F32) return c.no_dtype(i, c.x(i).dtype);
  }
  const View y = c.y(0);
  if (y.dtype != RLX_DTYPE_F32 || y.rank < 1 || !is_dense(y)) return c.wrong_dims();
  Embed embed;
  embed.width = y.dims[y.rank - 1];
  embed.policy = c.u32(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR);
  if (embed.policy > RLX_INDEX_ZERO) return c.about_attr(RLX_ATTR_INDEX_POLICY, "has an unknown value");
  embed.negative = c.i64(RLX_ATTR_NEGATIVE_INDICES) != 0;
  embed.eps = static_cast<float>(c.f64(RLX_ATTR_EPS, 1e-5));
  embed.y = c.out(0);
  for (uint32_t i = 0; i < n; ++i) RLX_CPU_REQUIRE(read_table(c, i, n, &embed));
  for (uint32_t i = 2 * n; i < 2 * n + 2; ++i) {
    if (element_count(c.x(i)) != embed.width) return c.about(i, "has not one value per column");
  }
  embed.gamma = b.dense(c.in(2 * n), c.index());
  embed.beta = b.dense(c.in(2 * n + 1), c.index());
  const int64_t rows = embed.width == 0 ? 0 : element_count(y) / embed.width;
  Builder::Work work{c.index(),
                     rows,
                     double(element_count(y)) * (0.5 + 0.3 * double(n)) + 30 * double(rows * parts),
                     {embed.gamma, embed.beta},
                     {embed.y}};
  for (const Embed::Table& table : embed.tables) work.reads.insert(work.reads.end(), {table.ids, table.rows});
  b.step(work, [embed](const StepRun& run, Range range) { return embed_rows(embed, run, range); });
  return {};
}

}  // namespace rlx_cpu
