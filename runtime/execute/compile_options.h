// SPDX-License-Identifier: Apache-2.0
// Compile options: checked, completed with what the backend is to be told, and as text for keys.
#pragma once

#include <rlx/host/options.hpp>

#include <string>

#include "runtime/compile/specialize.h"
#include "runtime/execute/device_body.h"

namespace rlx {

/// The options in the form that everything behind the public face uses: lists sorted, each entry once, `precision` among
/// the backend's options where it has one. Errors: those that CompileOptions names; kInvalidArgument for a value out of
/// range or an option of the backend given twice.
Result<CompileOptions> complete_options(CompileOptions options, const DeviceBody& device);

/// Of completed options. Equal options give equal text on every machine, others give another; verbosity is left out.
std::string options_text(const CompileOptions& options);
/// The part that acts after the template is made: with the template's hash it decides what is compiled.
std::string specialize_text(const CompileOptions& options);

SpecializeOptions specialize_options(const CompileOptions& options);

}  // namespace rlx
