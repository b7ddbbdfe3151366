// SPDX-License-Identifier: Apache-2.0
// What is right, on its way from the reference process to the controller.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/reference/interpreter.h"
#include "runtime/reference/tensor.h"

namespace rlx::conform {

/// Runs an image in the reference: values and bounds of every output. Errors: as reference::Program.
Result<std::vector<reference::Tensor>> expected_outputs(const std::string& image, const std::vector<std::string>& inputs,
                                                        const std::vector<std::string>& params,
                                                        reference::Precision precision = reference::Precision::kF32);

/// The same for a case of steps, in the working directory, whose `params` are the entries of the set: all outputs of all
/// steps. State goes from step to step by its name.
Result<std::vector<reference::Tensor>> expected_of_steps(const std::vector<std::string>& params);
/// Outputs of an image; 0 where it cannot be read.
std::uint32_t output_count(const std::string& image);

std::string pack(const std::vector<reference::Tensor>& tensors);
/// Errors: kInvalidArgument where the bytes are cut.
Result<std::vector<reference::Tensor>> unpack(const std::string& bytes);

/// Whole files. Errors: kFileNotFound, kFileUnwritable.
Result<std::string> read_bytes(const std::string& path);
Status write_bytes(const std::string& path, const std::string& bytes);

}  // namespace rlx::conform
