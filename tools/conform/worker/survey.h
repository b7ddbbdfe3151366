// SPDX-License-Identifier: Apache-2.0
// The two runs of a worker that are no checks: the survey (what is this plugin?) and the plain run of a numeric case.
#pragma once

#include "tools/conform/worker/run.h"

namespace rlx::conform {

/// Loads the plugin and tells what it says of itself, one fact a frame. Fails only where it cannot be loaded.
void survey(Run& run);

/// Runs the image of the working directory on its inputs and params, and writes its outputs there.
/// Files: case.lir, in0.., param0.., options; out0...
void compute(Run& run);
/// Leaves the verdicts of the image's ops in the file `verdicts`, 32 bits each.
void ask(Run& run);
/// The same of case0.lir and on, each an image of one op: one verdict each.
void ask_each(Run& run);
/// compute() for a case of several runs on several images.
void compute_steps(Run& run);

}  // namespace rlx::conform
