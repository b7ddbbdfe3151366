// SPDX-License-Identifier: Apache-2.0
// LIR-04, for the badge `hardened`: images that the core refuses, given to the plugin all the same.
#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"

namespace rlx::conform {
namespace {

constexpr int kImages = 480;  // as numeric/stock.h has it
constexpr int kOfACase = 40;

std::vector<std::string> hostile_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  for (int i = 0; facts.usable() && i < kImages / kOfACase; ++i) keys.push_back(number(static_cast<std::uint64_t>(i)));
  return keys;
}

void lir_hostile(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const int first = std::atoi(run.key().c_str()) * kOfACase;
  for (int i = first; i < first + kOfACase; ++i) {
    const ImageBytes image = run.image("hostile/" + std::to_string(i));
    if (image.empty()) return;
    auto error = roomy<rlx_error>();
    run.phase(text("query_support of hostile/%d", i).c_str());
    std::vector<rlx_verdict> verdicts(256);
    const std::int32_t asked = query_image(*session, image, &verdicts, &error);
    run.phase(text("compile of hostile/%d", i).c_str());
    const std::int32_t compiled = compile_image(*session, image, &error);
    run.expect(asked >= 0 && compiled >= 0, "a damaged image has an answer", "a status that there is not");
  }
  auto model = runnable(*session);
  run.expect(model && model->all(2), "a good image still compiles and runs", "it does not");
}

constexpr Check kChecks[] = {
    {"LIR-04", 0, "Images with one number wrong, which the core would never hand over, are answered: no crash, no hang, no read outside.", 100, hostile_cases, lir_hostile},
};

}  // namespace

std::span<const Check> lir_hostile_checks() { return kChecks; }

}  // namespace rlx::conform
