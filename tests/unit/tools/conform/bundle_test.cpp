// SPDX-License-Identifier: Apache-2.0
// Bundles: what a run writes holds; whatever is changed, missing, swapped or cut in one is named.
#include "tools/conform/controller/bundle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/certificate.h"
#include "tools/conform/controller/conform.h"
#include "tools/conform/controller/report_read.h"

namespace rlx::conform {
namespace {

Outcome passed(const std::string& check, const std::string& key) {
  Outcome outcome;
  outcome.check = check;
  outcome.key = key;
  outcome.seed = key.size();
  outcome.status = CaseStatus::kPass;
  outcome.assertions = outcome.elements = 10;
  return outcome;
}

constexpr char kWaiverText[] =
    "[[waiver]]\nid = 'w'\ncheck = 'ERR-04'\nplugin = 'org.example.mine'\nversions = '>=0'\nexpect = 'fail'\nreason = 'r'\nissue = 'i'\n"
    "owner = 'o'\nexpires = 2026-12-31\n";

struct Made {
  RunInfo info;
  std::vector<Outcome> outcomes;
  std::string report;
  Verdict verdict;
  BundleEntries entries() const { return bundle_entries(info, outcomes, verdict, report); }
};

/// A run of three checks in two seeds, one failure of which is waived.
Made made() {
  Made out;
  RunInfo& info = out.info;
  info.options.profile = "ci";
  info.options.fresh = {77};
  info.options.waivers = "w.toml";
  info.waivers_text = kWaiverText;
  info.date = day_of("2026-11-22");
  info.tool_hash = std::string(32, 'a');
  info.target.digest = std::string(32, 'b');
  info.facts.loaded = info.facts.device_opened = true;
  info.facts.plugin_id = "org.example.mine";
  info.facts.plugin_version = "1.0";
  info.facts.kind = "cpu";
  info.plan.checks = {{"LIF-01", "It loads.", 1, 1, false}, {"ERR-04", "It fails cleanly.", 2, 1, false}, {"OPS-01", "It | is right.", 3, 1, true}};
  info.waivers = Waivers(parse_waivers(kWaiverText, info.date).waivers, info.facts, info.date, true);
  out.outcomes = {passed("LIF-01", "all"), passed("ERR-04", "a"), passed("OPS-01", "x"), passed("OPS-01", "y")};
  out.outcomes[1].status = CaseStatus::kFail;
  info.waivers.take(out.outcomes[1]);
  info.plan.cases.resize(out.outcomes.size());
  out.verdict = verdict_of(info, out.outcomes);
  JsonReport json("", true);
  json.begin(info);
  for (const Outcome& outcome : out.outcomes) json.outcome(info, outcome);
  json.end(info, out.outcomes, out.verdict);
  out.report = json.text();
  return out;
}

/// The same archive with all hashes made fit again, as somebody would who wants to be believed.
BundleEntries rehashed(BundleEntries entries) {
  entries.erase(kManifest);
  entries[kManifest] = manifest_text(entries);
  return entries;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

bool says(const BundleFindings& findings, const std::string& part) {
  for (const std::string& problem : findings.problems)
    if (problem.find(part) != std::string::npos) return true;
  return false;
}

std::string all(const BundleFindings& findings) {
  std::string out;
  for (const std::string& problem : findings.problems) out += problem + "\n";
  return out;
}

TEST(Bundle, OfARunHolds) {
  const Made run = made();
  ASSERT_EQ(run.verdict.level, 3);
  ASSERT_EQ(run.verdict.code, ExitCode::kConformant);
  const BundleFindings findings = check_entries(run.entries());
  EXPECT_EQ(all(findings), "");
  EXPECT_EQ(findings.summary.rfind("level 3, org.example.mine 1.0", 0), 0u) << findings.summary;
}

TEST(Bundle, NamesEntriesThatAreMissingChangedOrSwapped) {
  const BundleEntries good = made().entries();
  for (const auto& [name, bytes] : good) {
    BundleEntries other = good;
    other.erase(name);
    EXPECT_TRUE(says(check_entries(other), name)) << name << "\n" << all(check_entries(other));
    other[name] = bytes + " ";
    EXPECT_TRUE(says(check_entries(other), name)) << name;
  }
  BundleEntries swapped = good;
  std::swap(swapped[kPageEntry], swapped[kReportEntry]);
  EXPECT_TRUE(says(check_entries(swapped), kPageEntry) && says(check_entries(swapped), kReportEntry));
  EXPECT_FALSE(check_entries({}).problems.empty());
}

TEST(Bundle, RecomputesTheVerdictThatItsCertificateClaims) {
  const BundleEntries good = made().entries();
  const auto with = [&](const char* name, const std::string& text) {
    BundleEntries other = good;
    other[name] = text;
    return check_entries(rehashed(other));
  };
  // A higher level, with a last line that fits.
  auto certificate = *parse_certificate(good.at(kCertificateEntry));
  certificate.level = 6;
  EXPECT_TRUE(says(with(kCertificateEntry, certificate_text(certificate)), "`level: 6`, and the report does not"));
  certificate = *parse_certificate(good.at(kCertificateEntry));
  certificate.waivers.clear();
  EXPECT_TRUE(says(with(kCertificateEntry, certificate_text(certificate)), "does not say `waiver: w`"));
  EXPECT_TRUE(says(with(kCertificateEntry, replaced(good.at(kCertificateEntry), "level: 3", "level: 4")), "last line"));
  // A failure in the report, one that is taken out of it, and one whose waiver is gone.
  EXPECT_TRUE(says(with(kReportEntry, replaced(good.at(kReportEntry), "\"status\":\"PASS\"", "\"status\":\"FAIL\"")), "comes to no certificate: not conformant"));
  std::string shorter = good.at(kReportEntry);
  const std::size_t at = shorter.find("{\"assertions\":10");
  shorter.erase(at, shorter.find('\n', at) + 1 - at);
  EXPECT_TRUE(says(with(kReportEntry, shorter), "has 3 cases, its first line speaks of 4"));
  EXPECT_TRUE(says(with(kReportEntry, shorter), kChecksEntry));
  EXPECT_TRUE(says(with(kWaiversEntry, replaced(kWaiverText, "ERR-04", "ERR-05")), "ERR-04/a is waived by `w`, which does not excuse it"));
  EXPECT_TRUE(says(with(kReportEntry, replaced(good.at(kReportEntry), "\"part\":false", "\"part\":true")), "of a part of a run"));
  EXPECT_TRUE(says(with(kReportEntry, replaced(good.at(kReportEntry), "[1,77]", "[1]")), kCertificateEntry));
  EXPECT_TRUE(says(with(kEnvironmentEntry, replaced(good.at(kEnvironmentEntry), "seed: 77", "seed: 78")), "seed: 78"));
}

TEST(Bundle, RefusesReportsThatMakeNoSense) {
  const std::string good = made().report;
  ASSERT_EQ(read_report(good).problem, "");
  for (std::size_t cut = 0; cut < good.size(); cut += 7) EXPECT_NE(read_report(good.substr(0, cut)).problem, "") << cut;
  EXPECT_NE(read_report(good + good).problem, "");
  EXPECT_NE(read_report(good + "{}\n").problem, "");
  EXPECT_NE(read_report(std::string(100'000, '[') + "\n").problem, "");
  EXPECT_NE(read_report(replaced(good, "\"level\":3", "\"level\":9")).problem, "");
  EXPECT_NE(read_report(replaced(good, "\"seeds\":[1,77]", "\"seeds\":[1,\"x\"]")).problem, "");
  EXPECT_NE(read_report(replaced(good, "\"status\":\"PASS\"", "\"status\":7")).problem, "");
}

/// A file of its own that goes.
struct File {
  std::string path = (std::filesystem::temp_directory_path() / ("rlx-bundle-" + std::to_string(::getpid()) + ".zip")).string();
  ~File() { std::filesystem::remove(path); }
  std::string bytes() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string read(const std::string& bytes) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    const auto entries = read_bundle(path);
    return entries ? std::string() : entries.error().message();
  }
};

TEST(Bundle, GoesThroughAFile) {
  const File file;
  const BundleEntries good = made().entries();
  ASSERT_TRUE(write_bundle(file.path, good));
  const auto entries = read_bundle(file.path);
  ASSERT_TRUE(entries) << entries.error().message();
  EXPECT_EQ(*entries, good);
  EXPECT_FALSE(write_bundle("/nonexistent/folder/file.zip", good));
}

TEST(Bundle, RefusesHostileArchives) {
  const File file;
  const BundleEntries good = made().entries();
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "report.jsonl/", "REPORT.JSONL", "other"}) {
    BundleEntries other = good;
    other.erase(kPageEntry);
    other[name] = "x";
    ASSERT_TRUE(write_bundle(file.path, other));
    EXPECT_NE(file.read(file.bytes()).find("is none that a bundle has"), std::string::npos) << name;
  }
  ASSERT_TRUE(write_bundle(file.path, good));
  const std::string bytes = file.bytes();
  for (std::size_t cut = 0; cut < bytes.size(); cut += 1 + bytes.size() / 97) EXPECT_NE(file.read(bytes.substr(0, cut)), "") << cut;
  // A size that only the archive believes in, in both of its places; two entries of one name.
  std::string huge = bytes;
  for (const auto& [mark, offset] : {std::pair<const char*, std::size_t>("PK\1\2", 24), {"PK\3\4", 22}})
    huge.replace(huge.find(mark) + offset, 4, "\xfe\xff\xff\xff");
  EXPECT_NE(file.read(huge).find("bytes, wanted at most"), std::string::npos) << file.read(huge);
  std::string twice = bytes;
  for (std::size_t at = twice.find("report.html"); at != std::string::npos; at = twice.find("report.html", at)) twice.replace(at, 11, "checks.txt\0", 11);
  EXPECT_NE(file.read(twice), "");
  EXPECT_NE(file.read("no archive"), "");
  EXPECT_EQ(read_bundle("/nonexistent").error().code(), ErrorCode::kFileUnreadable);
  EXPECT_EQ(read_bundle("/dev/zero").error().code(), ErrorCode::kFileUnreadable);
}

TEST(Bundle, SurvivesEveryByteThatIsChanged) {
  const File file;
  const BundleEntries good = made().entries();
  ASSERT_TRUE(write_bundle(file.path, good));
  const std::string bytes = file.bytes();
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ 0x41);
    if (!file.read(other).empty()) continue;
    // Times and comments of the archive say nothing of the run.
    const auto entries = read_bundle(file.path);
    EXPECT_TRUE(*entries == good || !check_entries(*entries).problems.empty()) << i;
  }
}

}  // namespace
}  // namespace rlx::conform
