// SPDX-License-Identifier: Apache-2.0
// Names of open dims: the file's dim_params as symbols of the model.
#pragma once

#include <rlx/host/model.hpp>

#include <map>
#include <set>
#include <string>

#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

class SymbolNames {
 public:
  /// Looks at all inputs first, so that made-up names meet no given ones.
  explicit SymbolNames(const onnx::GraphProto& graph);

  /// The dims of an input: numbers, dim_params as symbols (an expression of symbols that stand elsewhere
  /// stays one),
  /// "<input>_dim<i>" for a dim without name. Errors: kMalformedModelFile for negative dims.
  Result<Sizes> dims_of(const onnx::ValueInfoProto& input);

 private:
  std::string symbol(const std::string& param);

  std::set<std::string> plain_;               ///< dim_params that are symbols as they stand
  std::map<std::string, std::string> names_;  ///< dim_param -> symbol
  std::set<std::string> taken_;
};

}  // namespace rlx::onnx_import
