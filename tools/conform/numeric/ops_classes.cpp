// SPDX-License-Identifier: Apache-2.0
// Precision classes: the option `precision`, the classes that claim rows name, and how each is compared.
#include <rlx/compile.h>

#include "tools/conform/numeric/ops.h"

namespace rlx::conform {
namespace {

struct Class {
  const char* name;
  std::uint32_t bit;
};
// Of i8_dynamic the reference knows no bound.
constexpr Class kClasses[] = {{"f32", RLX_PRECISION_F32}, {"f32_strict", RLX_PRECISION_F32_STRICT}, {"tf32", RLX_PRECISION_TF32}, {"f16", RLX_PRECISION_F16}, {"bf16", RLX_PRECISION_BF16}};

const OptionFact* precision_of(const Facts& facts) {
  for (const OptionFact& option : facts.options)
    if (option.key == "precision" && option.scope == 2) return &option;
  return nullptr;
}

/// Classes that every row of the op has.
std::uint32_t claimed_classes(const Facts& facts, Opcode op) {
  std::uint32_t bits = ~0u;
  for (const Claim& claim : facts.claims)
    if (claim.opcode == op) bits &= claim.precisions;
  return bits;
}

}  // namespace

std::vector<std::string> with_classes(const CaseList& list, std::vector<std::string> keys, const Facts& facts, bool by_turns) {
  const OptionFact* option = precision_of(facts);
  if (!option) return keys;
  const std::size_t plain = keys.size();
  for (std::size_t i = 0; i < plain; ++i) {
    const auto found = list.find(keys[i]);
    if (!found || !(*found)->product || !is_float((*found)->dtype())) continue;
    const std::uint32_t claims = claimed_classes(facts, (*found)->op);
    std::vector<std::string> classes;
    for (const Class& each : kClasses)
      if ((claims & each.bit) && option->value != each.name) classes.emplace_back(each.name);
    if (by_turns && !classes.empty()) classes = {classes[i % classes.size()]};
    for (const std::string& each : classes) keys.push_back(keys[i] + "@" + each);
  }
  return keys;
}

std::string without_class(const std::string& key) { return key.substr(0, key.find('@')); }

void set_class(NumericCase& made, const std::string& key) {
  const std::size_t at = key.find('@');
  if (at == std::string::npos) return;
  const std::string name = key.substr(at + 1);
  made.options.emplace_back("precision", name);
  if (name == "f32") return;
  if (name == "f32_strict") {
    if (made.compare.most == 0.25) made.compare.most = 0;  // exact data have exact bits
    return;
  }
  made.compare.loose_is_fine = true;  // by the class's own nature; exact data find what is misplaced
}

}  // namespace rlx::conform
