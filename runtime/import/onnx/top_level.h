// SPDX-License-Identifier: Apache-2.0
// Why bytes are no ONNX model: what their top level says, for the message. Looks at tags and lengths only, never inside.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace rlx::onnx_import {

/// One sentence for bytes that did not parse or hold no graph, with their size: what they are instead where that is easy to
/// see, else the byte where the top level goes wrong, and how many are missing behind it.
/// Source: protobuf's wire format, "Protocol Buffers: Encoding"; the fields are ModelProto's of onnx.proto.
std::string why_no_model(std::span<const std::byte> bytes);

}  // namespace rlx::onnx_import
