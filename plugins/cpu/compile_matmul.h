// SPDX-License-Identifier: Apache-2.0
// The f32 product with packed weights, as linear and dot use it.
#pragma once

#include "compile_ops.h"

namespace rlx_cpu {

struct MatmulPlan {
  struct Part {
    ViewId w;
    int64_t stride_k, stride_n, n;
    float alpha;
    ViewId y;
    int64_t y_row_stride;
    ViewId bias;      // dense [n], or kNoView
    ViewId residual;  // rows of n, or kNoView; added after the activation
    int64_t residual_row_stride;
  };
  uint32_t op_index = RLX_NO_INDEX;
  ViewId a = kNoView;  // [rows, k], inner stride 1
  int64_t a_row_stride = 0;
  int64_t rows = 0;
  int64_t k = 0;
  std::vector<Part> parts;
  Activation act{0, 0, 0};
};

/// Weights that are params of a set are packed by prepare, others in each run.
void add_matmul(Builder& builder, const MatmulPlan& plan);

}  // namespace rlx_cpu
