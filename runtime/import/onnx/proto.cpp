// SPDX-License-Identifier: Apache-2.0
// Names and types of the format in our words.
#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

DtypeRow dtype_of(int onnx_type) {
  using T = onnx::TensorProto;
  switch (onnx_type) {
    case T::BOOL:
      return {DType::kBool, 1};
    case T::INT8:
      return {DType::kI8, 1};
    case T::UINT8:
      return {DType::kU8, 1};
    case T::INT16:
      return {DType::kI16, 2};
    case T::UINT16:
      return {DType::kU16, 2};
    case T::FLOAT16:
      return {DType::kF16, 2};
    case T::BFLOAT16:
      return {DType::kBF16, 2};
    case T::INT32:
      return {DType::kI32, 4};
    case T::UINT32:
      return {DType::kU32, 4};
    case T::FLOAT:
      return {DType::kF32, 4};
    case T::INT64:
      return {DType::kI64, 8};
    case T::UINT64:
      return {DType::kU64, 8};
    case T::DOUBLE:
      return {DType::kF64, 8};
    default:
      return {};
  }
}

std::string onnx_type_name(int onnx_type) {
  static constexpr const char* kNames[] = {
      "undefined",      "float",      "uint8",          "int8",       "uint16",   "int16",
      "int32",          "int64",      "string",         "bool",       "float16",  "double",
      "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
      "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};
  constexpr int kCount = sizeof(kNames) / sizeof(kNames[0]);
  if (onnx_type >= 0 && onnx_type < kCount) return kNames[onnx_type];
  return "type " + std::to_string(onnx_type);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return text.size() > 120 ? out + "..." : out;
}

std::string node_name(const onnx::NodeProto& node) {
  if (!node.name().empty()) return "`" + printable(node.name()) + "`";
  return node.output_size() ? "of output `" + printable(node.output(0)) + "`" : "without name";
}

}  // namespace rlx::onnx_import
