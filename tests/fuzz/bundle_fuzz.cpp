// SPDX-License-Identifier: Apache-2.0
// Bundles of the conformance tool: a report and a file of waivers of any bytes, first as they are, then in a bundle whose
// hashes, certificate and lists are made to fit.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tools/conform/controller/bundle.h"
#include "tools/conform/controller/report_read.h"

using namespace rlx::conform;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t border = bytes.find('\0');
  const std::string report = bytes.substr(0, border);
  BundleEntries entries = {{kCertificateEntry, report}, {kReportEntry, report}, {kPageEntry, report}, {kEnvironmentEntry, report}, {kChecksEntry, report}};
  if (border != std::string::npos) entries[kWaiversEntry] = bytes.substr(border + 1);
  entries[kManifest] = bytes;
  // One text cannot be a certificate and a report.
  if (check_entries(entries).problems.empty()) std::abort();
  const ReadRun run = read_report(report);
  if (!run.problem.empty()) return 0;
  entries.erase(kManifest);
  entries[kEnvironmentEntry] = run.environment;
  entries[kChecksEntry] = checks_text(run.info.plan, run.outcomes);
  entries[kManifest] = manifest_text(entries);
  if (check_entries(entries).problems.empty()) std::abort();
  return 0;
}
