// SPDX-License-Identifier: Apache-2.0
// ONNX -> Model. Reads the file, checks its structure, translates node by node with the builder; shape
// arithmetic folds to expressions on the way, weights stay where they lie.
#pragma once

#include <rlx/host/model.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace rlx::onnx_import {

/// Errors: kFileNotFound, kFileUnreadable, kMalformedModelFile, kUnsupportedModel, kUnsafePath.
Result<Model> import_file(const std::string& path);

/// A model in memory; `folder` is where its external data lies, empty: it may have none.
Result<Model> import_bytes(std::span<const std::byte> bytes, const std::string& folder);

}  // namespace rlx::onnx_import
