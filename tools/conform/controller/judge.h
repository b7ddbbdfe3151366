// SPDX-License-Identifier: Apache-2.0
// From what a process did to what became of its case.
#pragma once

#include "tools/conform/controller/outcome.h"
#include "tools/conform/controller/process.h"

namespace rlx::conform {

/// Status, reason, failures and counts of a worker's run. check, key and seed are the caller's to fill in.
Outcome judge(const ProcessResult& result);

}  // namespace rlx::conform
