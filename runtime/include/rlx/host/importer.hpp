// SPDX-License-Identifier: Apache-2.0
// The border between the runtime library and its importer libraries: one C symbol in each, with types of
// these headers. Both sides are built together; the number in a symbol's name goes up when a type that
// crosses changes its layout, so that a library of another age is "no such symbol" and never a wild call.
// Lifetime: what an importer returns may run its code when it is dropped, so an importer is never unloaded.
// Errors travel in *out; nothing is thrown.
#pragma once

#include <rlx/host/model.hpp>
#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>

#include <string>
#include <vector>

namespace rlx {

/// Type of the symbol kImportModelSymbol of librlx_import_onnx.so. `path` is read until the call returns.
using ImportModelFn = void (*)(const char* path, Result<Model>* out) noexcept;
inline constexpr const char* kImportModelSymbol = "rlx_import_model_2";

/// Type of the symbol kImportWeightsSymbol of librlx_import_safetensors.so.
using ImportWeightsFn = void (*)(const char* path, Result<std::vector<ParamSource>>* out) noexcept;
inline constexpr const char* kImportWeightsSymbol = "rlx_import_weights_2";

}  // namespace rlx
