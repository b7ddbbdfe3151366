// SPDX-License-Identifier: Apache-2.0
// A tensor of the file as dtype, dims and bytes, wherever the format keeps it: raw, in typed fields, or
// outside.
#pragma once

#include <rlx/host/tensor.hpp>

#include <memory>
#include <string>
#include <vector>

#include "runtime/import/onnx/external_data.h"
#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

struct TensorData {
  TensorView view;
  std::shared_ptr<const void> keepalive;
  std::size_t elements = 0;
};

/// `owner` keeps `tensor` alive; views point into it or into a mapping where they can.
/// Errors: kMalformedModelFile (dims, sizes), kUnsupportedModel (dtype), those of ExternalData.
Result<TensorData> read_tensor(const onnx::TensorProto& tensor, const std::shared_ptr<const void>& owner,
                               ExternalData& external);

}  // namespace rlx::onnx_import
