// SPDX-License-Identifier: Apache-2.0
// Compiles convolutions: f32 of one or two spatial axes on the panel kernel, everything else on the generic
// one.
#include "compile_ops.h"
#include "kernels/generic/contraction.h"

namespace rlx_cpu {
namespace {

std::optional<Answer> read_conv(OpContext& c, ConvAttrs* attrs) {
  const View x = c.x(0), w = c.x(1), y = c.y(0);
  if (x.rank < 3 || x.rank > 5 || w.rank != x.rank || y.rank != x.rank) return c.wrong_dims();
  attrs->spatial = x.rank - 2;
  const auto read = [&](uint32_t key, int64_t* to) {
    const std::vector<int64_t> list = c.list(key);
    if (!list.empty() && list.size() != attrs->spatial) return false;
    std::copy(list.begin(), list.end(), to);
    return true;
  };
  if (!read(RLX_ATTR_STRIDES, attrs->strides) || !read(RLX_ATTR_LOW, attrs->low) ||
      !read(RLX_ATTR_HIGH, attrs->high) || !read(RLX_ATTR_DILATION, attrs->dilation) ||
      !read(RLX_ATTR_INPUT_DILATION, attrs->input_dilation)) {
    return c.about_attr(RLX_ATTR_STRIDES, "or another list has not one entry per spatial axis");
  }
  attrs->groups = c.i64(RLX_ATTR_GROUPS, 1);
  attrs->acc = c.u32(RLX_ATTR_ACC, RLX_DTYPE_NONE);
  if (attrs->groups < 1 || w.dims[1] * attrs->groups != x.dims[1] || w.dims[0] % attrs->groups != 0 ||
      y.dims[0] != x.dims[0] || y.dims[1] != w.dims[0])
    return c.wrong_dims();
  for (uint32_t i = 0; i < attrs->spatial; ++i) {
    if (attrs->strides[i] < 1 || attrs->dilation[i] < 1 || attrs->input_dilation[i] < 1 || w.dims[i + 2] < 1)
      return c.wrong_dims();
    const int64_t n = x.dims[i + 2];
    const int64_t wide =
        n + std::max<int64_t>(n - 1, 0) * (attrs->input_dilation[i] - 1) + attrs->low[i] + attrs->high[i];
    const int64_t room = wide - ((w.dims[i + 2] - 1) * attrs->dilation[i] + 1);
    if (room < 0 || room / attrs->strides[i] + 1 != y.dims[i + 2]) return c.wrong_dims();
  }
  return std::nullopt;
}

/// What the panel kernel needs: f32, one or two spatial axes, no holes between inputs, no crop in front.
bool panel_kernel_fits(OpContext& c, const ConvAttrs& attrs) {
  if (c.x(0).dtype != RLX_DTYPE_F32 || c.x(1).dtype != RLX_DTYPE_F32 || c.y(0).dtype != RLX_DTYPE_F32)
    return false;
  if (attrs.acc != RLX_DTYPE_NONE && attrs.acc != RLX_DTYPE_F32) return false;
  if (attrs.spatial > 2 || c.x(0).dims[1] == 0) return false;
  for (uint32_t i = 0; i < attrs.spatial; ++i) {
    if (attrs.input_dilation[i] != 1 || attrs.low[i] < 0) return false;
  }
  return is_dense(c.y(0));
}

void add_panel_conv(OpContext& c, const ConvAttrs& attrs, ViewId bias, ViewId residual, Activation act) {
  Builder& b = c.b;
  const View x = c.x(0), w = c.x(1), y = c.y(0);
  const bool flat = attrs.spatial == 1;  // one axis: a height of 1
  const auto last = [&](const View& v, uint32_t back) {
    return flat && back == 1 ? 1 : v.dims[v.rank - 1 - back];
  };
  const auto attr = [&](const int64_t* list, uint32_t back, int64_t otherwise) {
    return flat ? (back == 1 ? otherwise : list[0]) : list[1 - back];
  };
  Conv2dArgs args{};
  args.x_batch_stride = x.dims[1] * last(x, 1) * last(x, 0);
  args.y_batch_stride = args.residual_batch_stride = y.dims[1] * last(y, 1) * last(y, 0);
  args.channels = x.dims[1], args.height = last(x, 1), args.width = last(x, 0);
  args.out_channels = y.dims[1], args.out_height = last(y, 1), args.out_width = last(y, 0);
  args.kernel_height = last(w, 1), args.kernel_width = last(w, 0);
  args.stride_height = attr(attrs.strides, 1, 1), args.stride_width = attr(attrs.strides, 0, 1);
  args.pad_top = attr(attrs.low, 1, 0), args.pad_left = attr(attrs.low, 0, 0);
  args.dilation_height = attr(attrs.dilation, 1, 1), args.dilation_width = attr(attrs.dilation, 0, 1);
  args.groups = attrs.groups;
  args.residual_after_act = false;
  args.act = act;
  b.need_scratch(static_cast<uint64_t>(conv2d_scratch_floats(args)) * sizeof(float));
  const ViewId from = b.dense(c.in(0), c.index()), weights = b.dense(c.in(1), c.index()), to = c.out(0);
  const int64_t block = kDotPanels;
  const int64_t blocks = (conv2d_panels(args) + block - 1) / block;
  const double flops =
      2.0 * double(element_count(y)) * double(w.dims[1]) * double(args.kernel_height * args.kernel_width);
  Builder::Work work{c.index(),
                     x.dims[0] * attrs.groups * blocks,
                     flops / 30 + double(element_count(y)),
                     {from, weights},
                     {to}};
  if (bias != kNoView) work.reads.push_back(bias);
  if (residual != kNoView) work.reads.push_back(residual);
  b.step(work, [=](const StepRun& run, Range range) -> KernelStatus {
    const auto floats = [&](ViewId id) {
      return id == kNoView ? nullptr : static_cast<const float*>(run.views[id].data);
    };
    Conv2dArgs own = args;
    own.x = floats(from), own.w = floats(weights), own.bias = floats(bias), own.residual = floats(residual);
    own.y = static_cast<float*>(run.views[to].data);
    const int64_t panels = conv2d_panels(own);
    for (int64_t item = range.begin; item < range.end; ++item) {
      const int64_t panel = item % blocks * block, group = item / blocks % own.groups,
                    batch = item / blocks / own.groups;
      kernels().conv2d(own, batch, group, panel, std::min(panel + block, panels),
                       reinterpret_cast<float*>(run.scratch));
    }
    return {};
  });
}

}  // namespace

Answer compile_conv(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  RLX_CPU_REQUIRE(c.counts(2, 2, 1, 1));
  ConvAttrs attrs;
  RLX_CPU_REQUIRE(read_conv(c, &attrs));
  alignas(16) char zero[3][16] = {};
  DotAttrs probe;
  probe.acc = attrs.acc;
  if (!dot(dense_view(zero[0], c.x(0).dtype, 0, nullptr), dense_view(zero[1], c.x(1).dtype, 0, nullptr),
           probe, dense_view(zero[2], c.y(0).dtype, 0, nullptr), {0, 1})
           .ok()) {
    return c.no_dtype(0, c.x(0).dtype);
  }
  if (panel_kernel_fits(c, attrs)) return add_panel_conv(c, attrs, kNoView, kNoView, {0, 0, 0}), Answer{};
  const ViewId x = c.in(0), w = c.in(1), y = c.out(0);
  const View& weights = c.x(1);
  const double taps = weights.dims[0] == 0 ? 0 : double(element_count(weights)) / double(weights.dims[0]);
  b.step(c.work(element_count(c.y(0)), double(element_count(c.y(0))) * (2 + taps)),
         [=](const StepRun& run, Range range) {
           return conv(run.views[x], run.views[w], attrs, run.views[y], range);
         });
  return {};
}

Answer compile_conv_act(Builder& b, const GraphOp& op) {
  OpContext c(b, op);
  const bool has_bias = c.i64(RLX_ATTR_HAS_BIAS) != 0, has_residual = c.i64(RLX_ATTR_HAS_RESIDUAL) != 0;
  const uint32_t wanted = 2u + has_bias + has_residual;
  RLX_CPU_REQUIRE(c.counts(wanted, wanted, 1, 1));
  for (uint32_t i = 0; i < wanted; ++i) {
    if (c.x(i).dtype != RLX_DTYPE_F32) return c.no_dtype(i, c.x(i).dtype);
  }
  const uint32_t act = c.u32(RLX_ATTR_ACT);
  if (act > RLX_ACT_THRESHOLDED_RELU) return c.about_attr(RLX_ATTR_ACT, "has an unknown value");
  ConvAttrs attrs;
  RLX_CPU_REQUIRE(read_conv(c, &attrs));
  if (!panel_kernel_fits(c, attrs))
    return refuse("conv_act: no kernel for %u spatial axes with these paddings and dilations", attrs.spatial);
  ViewId bias = kNoView, residual = kNoView;
  if (has_bias) {
    if (element_count(c.x(2)) != c.y(0).dims[1]) return c.wrong_dims();
    bias = b.dense(c.in(2), c.index());
  }
  if (has_residual) {
    const auto stretched = b.stretched(c.in(wanted - 1), c.y(0).rank, c.y(0).dims);
    if (!stretched) return c.wrong_dims();
    residual = b.dense(*stretched, c.index());
  }
  const ActParams params = act_params(c, act);
  add_panel_conv(c, attrs, bias, residual,
                 {act, static_cast<float>(params.alpha), static_cast<float>(params.beta)});
  return Answer::native_for_these_sizes();  // crops and input dilations have no kernel with a bias
}

}  // namespace rlx_cpu
