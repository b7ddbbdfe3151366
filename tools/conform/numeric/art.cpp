// SPDX-License-Identifier: Apache-2.0
// ART-01: a sample of the numeric groups, on executables that come from an artifact: another process has exported it, this
// one maps it read-only and imports it.
#include <rlx/ext/artifact.h>

#include "tools/conform/numeric/groups.h"

namespace rlx::conform {
namespace {

/// Which cases of a check are taken: every so manieth, by effort.
struct Sample {
  const char* check;
  std::size_t step[3];
};
constexpr Sample kSamples[] = {{"CAP-01", {40, 8, 1}}, {"OPS-01", {40, 8, 1}}, {"OPS-02", {20, 4, 1}}, {"WGT-07", {12, 3, 1}}};

std::vector<std::string> imported_cases(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!facts.has(RLX_INTERFACE_ARTIFACT_1)) return keys;
  for (const Sample& sample : kSamples) {
    const NumericCheck* check = find_numeric(sample.check);
    if (!check) continue;
    const std::vector<std::string> all = check->cases(facts, effort);
    for (std::size_t i = 0; i < all.size(); i += sample.step[effort]) keys.push_back(std::string(sample.check) + "/" + all[i]);
  }
  return keys;
}

Result<NumericCase> make_imported(const std::string& key, std::uint64_t seed, const Facts& facts) {
  const std::size_t slash = key.find('/');
  const NumericCheck* check = find_numeric(key.substr(0, slash));
  if (!check) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  RLX_ASSIGN(NumericCase made, check->make(key.substr(slash + 1), seed, facts));
  made.through_artifact = true;
  return made;
}

constexpr NumericCheck kChecks[] = {
    {"ART-01", 4, "An executable that is imported in another process, from bytes mapped read-only, is as right as a compiled one.", 50, imported_cases, make_imported},
};

}  // namespace

std::span<const NumericCheck> art_numeric_checks() { return kChecks; }

}  // namespace rlx::conform
