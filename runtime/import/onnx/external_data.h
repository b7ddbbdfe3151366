// SPDX-License-Identifier: Apache-2.0
// Bytes of tensors that lie in files beside the model. A model names them, so a model could name any file:
// only plain relative paths inside the model's folder are followed, no `..`, no link anywhere on the way.
#pragma once

#include <rlx/host/result.hpp>

#include <map>
#include <memory>
#include <span>
#include <string>

#include "runtime/import/mapped_file.h"
#include "runtime/import/onnx/proto.h"

namespace rlx::onnx_import {

struct KeptBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keepalive;
};

class ExternalData {
 public:
  /// `folder` of the model; empty: the model came from memory and may name no file.
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}

  /// The bytes that `tensor` names. Each file is mapped once.
  /// Errors: kUnsafePath, kFileNotFound, kFileUnreadable, kMalformedModelFile (offset and length outside the
  /// file).
  Result<KeptBytes> bytes_of(const onnx::TensorProto& tensor);

 private:
  using File = std::shared_ptr<const import_detail::MappedFile>;
  Result<File> file(const std::string& location);
  Result<File> open_inside(const std::string& location) const;

  std::string folder_;
  std::map<std::string, File> files_;
};

}  // namespace rlx::onnx_import
