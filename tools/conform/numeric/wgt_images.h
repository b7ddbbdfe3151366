// SPDX-License-Identifier: Apache-2.0
// The images of the WGT checks of the worker: models of three weights in three spellings, two layouts and two dtypes of
// one matrix, and a table that is only gathered from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/conform/numeric/image_builder.h"

namespace rlx::conform {

/// "wgt/linear_5", "wgt/dot_5": y[5,24] = (x[5,48] . w0 + b) . w1; "wgt/plain_5": y = (x + w0) * b + w1, all [5,48].
/// "wgt/linear_big_R", "wgt/dot_big_R" for eight R: w0 is 1 MiB. "wgt/kn", "wgt/nk", "wgt/f64": y[5,16] = x . w[16,16],
/// w as it stands, transposed, and in f64. "wgt/table_256", "wgt/table_1024": 8 rows of a table of so many MiB.
std::vector<std::pair<std::string, ImageBuilder>> weight_images();

/// Of a product over the last axis of the left operand and `axis_b` of the right.
Attributes dot_attributes(std::int64_t axis_b);
/// y[rows, n] = x . w (+ b, or RLX_NO_INDEX): a linear with its region. `layout`: RLX_W_LAYOUT_*.
void add_linear(ImageBuilder& m, const Dims& x_dims, std::uint32_t x, std::uint32_t w, const Dims& w_dims, std::uint32_t b, std::uint32_t y,
                std::int64_t layout, DType dtype);

}  // namespace rlx::conform
