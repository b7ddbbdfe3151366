// SPDX-License-Identifier: Apache-2.0
// All that a certificate rests on, in one zip archive that anybody can open: the certificate, the report it was made from,
// the page for people, waivers, the environment with its seeds, the checks with a hash over their cases, and a manifest.
// No signature: it shows what does not fit together, and cannot show who wrote it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "tools/conform/controller/report.h"
#include "tools/conform/controller/runner.h"

namespace rlx::conform {

inline constexpr char kManifest[] = "MANIFEST";
inline constexpr char kCertificateEntry[] = "certificate.rlxcert";
inline constexpr char kReportEntry[] = "report.jsonl";
inline constexpr char kPageEntry[] = "report.html";
inline constexpr char kEnvironmentEntry[] = "environment.txt";
inline constexpr char kChecksEntry[] = "checks.txt";
inline constexpr char kWaiversEntry[] = "waivers.toml";  ///< only where a file of waivers was given

/// Content by name.
using BundleEntries = std::map<std::string, std::string>;

/// The entries of a run, manifest included. `report`: the lines of --json.
BundleEntries bundle_entries(const RunInfo& info, const std::vector<Outcome>& outcomes, const Verdict& verdict, const std::string& report);
/// One line per other entry: hash, bytes, name; a last one that shows whether one was changed or is missing.
std::string manifest_text(const BundleEntries& entries);

/// Errors: kFileUnwritable.
Status write_bundle(const std::string& path, const BundleEntries& entries);
/// Entries of other names than those above, twice the same, links, and sizes beyond what a run can leave are refused; nothing
/// is unpacked to disk. Errors: kFileUnreadable, kInvalidArgument.
Result<BundleEntries> read_bundle(const std::string& path);

struct BundleFindings {
  std::vector<std::string> problems;  ///< what differs, a line each; empty: the bundle holds
  std::vector<std::string> notes;     ///< what could not be looked at
  std::string summary;                ///< "level 6, org.rlx.cpu 0.1.0, profile full, …" of a certificate that can be read
};
/// Hashes; the certificate's last line; whether the report's verdict, computed anew, comes to what the certificate says.
BundleFindings check_entries(const BundleEntries& entries);
/// The same, and whether this build of the tool, if it is the one that made the bundle, has the same checks; and whether the
/// certificate is for `plugin`, where that is not empty.
BundleFindings check_bundle(const BundleEntries& entries, const std::string& plugin, const Programs& programs);

/// `rlx conform --verify-bundle FILE [PLUGIN.so]`. Exit codes: 0 it holds, 1 something differs, 2 it cannot be read.
int show_bundle(const Options& options, const Programs& programs);

}  // namespace rlx::conform
