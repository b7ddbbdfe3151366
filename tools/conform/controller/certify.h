// SPDX-License-Identifier: Apache-2.0
// What outlives a run: how strong the tool itself is, and the certificate beside the plugin.
#pragma once

#include <string>

#include "runtime/base/certificate.h"
#include "tools/conform/controller/report.h"
#include "tools/conform/controller/runner.h"

namespace rlx::conform {

/// "30 of 31 seeded defects found, 0 of 13 honest plugins blamed (profile quick)": the figure of this profile, else of
/// another; "not measured" where there is none.
std::string strength_text(const std::string& profile);

/// Why a run earns no certificate; empty where it does.
std::string certificate_refusal(const RunInfo& info, const Verdict& verdict);
/// What the certificate says. `date`: days since 1970-01-01.
Certificate certificate_of(const RunInfo& info, const Verdict& verdict, const std::string& tool_hash, std::int64_t date);
/// One hash over the programs that a run is made of: "" where one cannot be read.
std::string tool_hash(const Programs& programs);
/// Writes it, by default beside the plugin. Returns a line for a person: where it lies, or why there is none.
/// `good` is false where it was earned and cannot be written.
std::string write_certificate(const RunInfo& info, const Verdict& verdict, bool& good);

}  // namespace rlx::conform
