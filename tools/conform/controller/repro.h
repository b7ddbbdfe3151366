// SPDX-License-Identifier: Apache-2.0
// A failing numeric case as files that need this tool no longer: the image, the data, what is right, and a program in C.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/reference/tensor.h"
#include "tools/conform/controller/outcome.h"
#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {

/// The program: loads a plugin named on its command line, runs the case, compares. Exit 0: right; 1: wrong; 2: a call failed.
/// Needs the plugin headers alone: `cc -I plugin_api/include repro.c -ldl`.
std::string repro_program(const NumericCase& made, const std::vector<reference::Tensor>& expected, const std::string& title);

/// Writes repro.lir, in0, ..., param0, ..., repro.json and repro.c into `folder`, which is made.
/// Errors: kFileUnwritable; those of the reference.
Status write_repro(const std::string& folder, const NumericCase& made, const Outcome& outcome, const std::string& replay);

}  // namespace rlx::conform
