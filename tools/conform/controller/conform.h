// SPDX-License-Identifier: Apache-2.0
// The whole tool behind main(): arguments in, text on the standard streams, exit code out.
#pragma once

#include <string>
#include <vector>

#include "tools/conform/controller/report.h"
#include "tools/conform/controller/runner.h"

namespace rlx::conform {

/// `programs`: where the worker and the reference are.
int run_conform(const std::vector<std::string>& arguments, const Programs& programs);

/// What all outcomes come to: vacuity, level, exit code.
Verdict verdict_of(const RunInfo& info, const std::vector<Outcome>& outcomes);

}  // namespace rlx::conform
