// SPDX-License-Identifier: Apache-2.0
// The ONNX messages, made by protoc from the distribution's onnx.proto; the only place that names the
// generated header.
#pragma once

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include "onnx.pb.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <rlx/host/result.hpp>
#include <rlx/host/types.hpp>

#include <string>
#include <string_view>

namespace rlx::onnx_import {

struct DtypeRow {
  DType dtype = DType::kNone;
  std::size_t bytes = 0;
};
/// Our dtype of a TensorProto.DataType; kNone for those that we have not.
DtypeRow dtype_of(int onnx_type);
/// "float8e4m3fn" or "type 99": a name for messages.
std::string onnx_type_name(int onnx_type);

/// Names of a file in a message: control characters replaced, at most 120 bytes.
std::string printable(std::string_view text);
/// "`name`" or, where a node has none, "of output `y`".
std::string node_name(const onnx::NodeProto& node);

inline Error malformed(std::string message) {
  return Error(ErrorCode::kMalformedModelFile, std::move(message));
}
inline Error unsupported(std::string message) {
  return Error(ErrorCode::kUnsupportedModel, std::move(message));
}

}  // namespace rlx::onnx_import
