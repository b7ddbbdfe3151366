// SPDX-License-Identifier: Apache-2.0
// Cuts a packed product among threads: by rows where they are many, else by panels of columns.
#include "compile_matmul.h"

namespace rlx_cpu {
namespace {

constexpr double kFlopsPerNs = 60;
constexpr double kWeightBytesPerNs = 8;
constexpr int32_t kMaxParts = 16;
constexpr int64_t kRowsPerThread = 48;  // from so many on the weights come from cache often enough

/// How a rectangle of row tiles x panel tiles is walked item by item.
struct Cut {
  bool by_rows = true;
  int64_t tile = 1;  // rows or panels an item
  int64_t items = 0;
};

Cut cut_of(int64_t rows, int64_t panels, uint32_t threads) {
  const KernelTable& table = kernels();
  const int64_t row_tiles = (rows + table.tile_rows - 1) / table.tile_rows;
  const int64_t panel_tiles = (panels + table.tile_panels - 1) / table.tile_panels;
  const auto balance = [&](int64_t tiles) {
    return double(tiles) / double((tiles + threads - 1) / threads * threads);
  };
  // Many rows: each thread's results stay with it. Few: each thread streams a part of the weights, not all of
  // them.
  const bool many = rows >= kRowsPerThread * threads;
  if (many ? balance(row_tiles) >= 0.9 * balance(panel_tiles)
           : balance(panel_tiles) < 0.7 * balance(row_tiles)) {
    return {true, table.tile_rows, row_tiles};
  }
  return {false, table.tile_panels, panel_tiles};
}

/// Where the packed B is at run time.
struct PackedAt {
  bool from_set = true;
  uint32_t pack = 0;
  uint64_t temp = 0;
};

PackedAt pack_weights(Builder& b, const MatmulPlan& plan, int64_t panels) {
  bool all_params = true;
  for (const MatmulPlan::Part& part : plan.parts) all_params = all_params && b.is_param(part.w);
  if (all_params) {
    PackRecipe recipe{plan.k, {}};
    for (const MatmulPlan::Part& part : plan.parts) {
      const ViewRecord& w = b.record(part.w);
      recipe.parts.push_back(
          {w.index, static_cast<uint64_t>(w.offset), part.stride_k, part.stride_n, part.n, part.alpha});
    }
    return {true, b.add_pack(std::move(recipe)), 0};
  }
  const uint64_t bytes = static_cast<uint64_t>(packed_floats(panels, plan.k)) * sizeof(float);
  const uint64_t at = b.need_temp(bytes);
  Builder::Work work{plan.op_index, panels, double(bytes) * 0.2, {}, {}};
  work.temp_write = {at, at + bytes};
  for (const MatmulPlan::Part& part : plan.parts) work.reads.push_back(part.w);
  b.step(work, [parts = plan.parts, k = plan.k, at](const StepRun& run, Range range) -> KernelStatus {
    PackPart sources[kMaxParts];
    for (size_t i = 0; i < parts.size(); ++i) {
      sources[i] = {static_cast<const float*>(run.views[parts[i].w].data), parts[i].stride_k,
                    parts[i].stride_n, parts[i].n, parts[i].alpha};
    }
    kernels().pack_b(sources, static_cast<int32_t>(parts.size()), k, range.begin, range.end,
                     reinterpret_cast<float*>(run.temps + at));
    return {};
  });
  return {false, 0, at};
}

const float* floats(const StepRun& run, ViewId view) {
  return view == kNoView ? nullptr : static_cast<const float*>(run.views[view].data);
}

}  // namespace

void add_matmul(Builder& b, const MatmulPlan& plan) {
  int64_t panels = 0;
  for (const MatmulPlan::Part& part : plan.parts) panels += panel_count(part.n);
  const PackedAt packed = pack_weights(b, plan, panels);
  const Cut cut = cut_of(plan.rows, panels, b.threads());
  const double flops = 2.0 * double(plan.rows) * double(panels * kPanelColumns) * double(plan.k);
  const double weight_bytes = double(panels * kPanelColumns) * double(plan.k) * 4;
  Builder::Work work{plan.op_index,
                     plan.rows == 0 ? 0 : cut.items,
                     std::max(flops / kFlopsPerNs, weight_bytes / kWeightBytesPerNs),
                     {plan.a},
                     {}};
  for (const MatmulPlan::Part& part : plan.parts) {
    work.writes.push_back(part.y);
    if (part.bias != kNoView) work.reads.push_back(part.bias);
    if (part.residual != kNoView) work.reads.push_back(part.residual);
  }
  if (!packed.from_set)
    work.temp_read = {packed.temp,
                      packed.temp + static_cast<uint64_t>(packed_floats(panels, plan.k)) * sizeof(float)};
  b.step(work, [plan, packed, cut, panels](const StepRun& run, Range range) -> KernelStatus {
    MatmulPart parts[kMaxParts];
    for (size_t i = 0; i < plan.parts.size(); ++i) {
      const MatmulPlan::Part& part = plan.parts[i];
      parts[i] = {static_cast<float*>(run.views[part.y].data),
                  part.y_row_stride,
                  part.n,
                  floats(run, part.bias),
                  nullptr,
                  floats(run, part.residual),
                  part.residual_row_stride};
    }
    MatmulArgs args{};
    args.a = floats(run, plan.a);
    args.a_row_stride = plan.a_row_stride;
    args.k = plan.k;
    args.packed_b =
        packed.from_set ? run.packs[packed.pack] : reinterpret_cast<const float*>(run.temps + packed.temp);
    args.parts = parts;
    args.part_count = static_cast<int32_t>(plan.parts.size());
    args.residual_after_act = true;
    args.act = plan.act;
    const int64_t begin = range.begin * cut.tile, end = range.end * cut.tile;
    if (cut.by_rows)
      kernels().matmul(args, begin, std::min(end, plan.rows), 0, panels);
    else
      kernels().matmul(args, 0, plan.rows, begin, std::min(end, panels));
    return {};
  });
}

}  // namespace rlx_cpu
