// SPDX-License-Identifier: Apache-2.0
// Names of a file are text for people, JSON and XML: they must be UTF-8, as the format has it. protobuf's small library
// lets other bytes pass.
#pragma once

#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

/// Errors: kMalformedModelFile with the index of the node, input, output or initialiser and the place of the byte.
Status check_names(const onnx::GraphProto& graph);

}  // namespace rlx::onnx_import
