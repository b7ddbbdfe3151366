// SPDX-License-Identifier: Apache-2.0
// The families' rows, by name.
#include "runtime/import/onnx/op_table.h"

#include <unordered_map>

namespace rlx::onnx_import {

const OpRow* find_op(std::string_view op_type) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const OpRow*> rows;
    for (const auto family : {pointwise_ops(), shape_ops(), data_ops(), index_ops(), reduce_ops(),
                              linear_ops(), norm_ops(), window_ops(), resize_ops()})
      for (const OpRow& row : family) rows.emplace(row.name, &row);
    return rows;
  }();
  const auto row = table.find(op_type);
  return row == table.end() ? nullptr : row->second;
}

}  // namespace rlx::onnx_import
