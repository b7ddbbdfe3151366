// SPDX-License-Identifier: Apache-2.0
// Arguments of the f32 2-D convolution: NCHW in and out, the matmul kernels over gathered pixel panels.
#ifndef RLX_CPU_KERNELS_CONV_H_
#define RLX_CPU_KERNELS_CONV_H_

#include <cstdint>

#include "elementwise.h"
#include "matmul.h"

namespace rlx_cpu {

/// y = act(conv(x, w) + bias [+ residual]) [+ residual].
/// Shapes: x [N, C, H, W], w [O, C / groups, KH, KW], y and residual [N, O, OH, OW], all dense but for the
/// batch strides; bias [O] or null. Pads are those before; OH and OW say how far the window runs, so pads
/// behind are implied. `conv2d(args, batch, group, panel_begin, panel_end, scratch)` computes panels of 16
/// output pixels (row-major over OH x OW) for all O / groups channels of the group.
struct Conv2dArgs {
  const float* x;
  int64_t x_batch_stride;
  const float* w;
  const float* bias;
  const float* residual;
  int64_t residual_batch_stride;
  float* y;
  int64_t y_batch_stride;
  int64_t channels, height, width;
  int64_t out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width;
  int64_t stride_height, stride_width;
  int64_t pad_top, pad_left;
  int64_t dilation_height, dilation_width;
  int64_t groups;
  bool residual_after_act;
  Activation act;
};

/// Panels of one image: the range of panel_begin and panel_end.
constexpr int64_t conv2d_panels(const Conv2dArgs& args) {
  return panel_count(args.out_height * args.out_width);
}

/// Floats of scratch for one conv2d call.
constexpr int64_t conv2d_scratch_floats(const Conv2dArgs& args) {
  return packed_floats(kDotPanels, args.channels / args.groups * args.kernel_height * args.kernel_width);
}

}  // namespace rlx_cpu

#endif  // RLX_CPU_KERNELS_CONV_H_
