// SPDX-License-Identifier: Apache-2.0
// CAP: what a device says it can run, and whether that is so.
#include <rlx/lir.h>

#include <algorithm>
#include <cstring>

#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/model.h"
#include "tools/conform/shared/registry_table.h"

namespace rlx::conform {
namespace {

/// One op of an image, as it is or with another function, dtype or rank.
struct Variant {
  std::uint32_t dtype = 0;  ///< 0: as it is
  std::uint64_t fn = 0;
};

ImageBytes varied(const ImageBytes& image, const Variant& variant) {
  rlx_lir_image reader;
  ImageBytes out = image;
  if (rlx_lir_open(&reader, image.data(), image.size(), nullptr) != RLX_STATUS_OK) return out;
  for (std::uint32_t i = 0; variant.dtype && i < rlx_lir_count(&reader, RLX_LIR_VALUES); ++i) {
    rlx_lir_value value;
    memcpy(&value, rlx_lir_value_at(&reader, i), sizeof value);
    value.byte_size = value.byte_size / rlx_dtype_bytes(value.dtype) * rlx_dtype_bytes(variant.dtype);
    value.dtype = variant.dtype;
    out = with_bytes(out, record_offset(image, RLX_LIR_VALUES, i), &value, sizeof value);
  }
  if (variant.fn) out = with_number(out, record_offset(image, RLX_LIR_ATTRS, 0) + offsetof(rlx_lir_attr, value), variant.fn);
  return renamed(out);
}

constexpr std::uint32_t kDtypes[] = {RLX_DTYPE_BOOL, RLX_DTYPE_I8,  RLX_DTYPE_I16, RLX_DTYPE_I32,  RLX_DTYPE_I64, RLX_DTYPE_U8, RLX_DTYPE_U16,
                                     RLX_DTYPE_U32,  RLX_DTYPE_U64, RLX_DTYPE_F16, RLX_DTYPE_BF16, RLX_DTYPE_F32, RLX_DTYPE_F64};

struct Family {
  const char* image;
  std::uint32_t opcode;
  std::uint64_t functions;  ///< numbers 1 to this; 0: none
};
constexpr Family kFamilies[] = {{"unary_f32", RLX_OP_UNARY, 40}, {"add_f32", RLX_OP_BINARY, 20}, {"copy_f32", RLX_OP_COPY, 0}};

std::vector<std::string> family_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const Family& family : kFamilies) keys.emplace_back(family.image);
  return keys;
}

bool row_covers(const Facts& facts, const Family& family, const Variant& variant) {
  for (const Claim& row : facts.claims)
    if (row.opcode == family.opcode && row.version_min <= 1 && row.version_max >= 1 && row.max_rank >= 2 &&
        (row.dtypes >> (variant.dtype ? variant.dtype : static_cast<std::uint32_t>(RLX_DTYPE_F32)) & 1) &&
        (!variant.fn || (variant.fn < 64 && (row.functions >> variant.fn & 1))))
      return true;
  return false;
}

std::vector<Variant> variants_of(const Family& family) {
  std::vector<Variant> out;
  for (const std::uint32_t dtype : kDtypes) {
    if (!family.functions) out.push_back({dtype, 0});
    for (std::uint64_t fn = 1; fn <= family.functions; ++fn) out.push_back({dtype, fn});
  }
  return out;
}

const Family& family_of(const std::string& key) {
  for (const Family& family : kFamilies)
    if (key == family.image) return family;
  return kFamilies[0];
}

// ---- CAP-02, 03

/// What is NATIVE lies within a row; what is not is refused by compile, never run wrongly.
void cap_claims(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const Family& family = family_of(run.key());
  const ImageBytes image = run.image(family.image);
  if (image.empty()) return;
  run.phase("compile an image whose hashes are names and no more");
  if (query_image(*session, renamed(image), nullptr, nullptr) == RLX_STATUS_INVALID_IMAGE ||
      compile_image(*session, renamed(image), nullptr) == RLX_STATUS_INVALID_IMAGE)
    return run.unsupported("the plugin verifies hashes, and the variants of this check have none");
  for (const Variant& variant : variants_of(family)) {
    const ImageBytes other = varied(image, variant);
    const std::string what = text("%s with dtype %u and function %llu", family.image, variant.dtype, static_cast<unsigned long long>(variant.fn));
    std::vector<rlx_verdict> verdicts(4);
    run.phase(("query_support: " + what).c_str());
    const std::int32_t asked = query_image(*session, other, &verdicts, nullptr);
    const bool native = asked == RLX_STATUS_OK && verdicts[0].verdict == RLX_VERDICT_NATIVE;
    run.expect(!native || row_covers(run.facts(), family, variant), what + " is NATIVE only within a claim row", "NATIVE, and no row has it");
    run.phase(("compile: " + what).c_str());
    auto error = roomy<rlx_error>();
    const std::int32_t status = compile_image(*session, other, &error);
    if (native)
      run.status("compile_lir of what is NATIVE: " + what, status, RLX_STATUS_OK, error.message);
    else
      run.expect(status == RLX_STATUS_UNSUPPORTED || status == RLX_STATUS_INVALID_IMAGE, "compile_lir refuses what is not NATIVE: " + what, status_name(status));
  }
}

std::vector<std::string> refused_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"elementwise_f32", "stranger_f32"} : std::vector<std::string>{};
}

/// A composite that is not NATIVE must have been expanded before; left in, it is refused, with its index.
void cap_refused(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const ImageBytes image = run.image(run.key());
  if (image.empty()) return;
  std::vector<rlx_verdict> verdicts(16);
  run.phase("query_support");
  if (!run.status("query_support", query_image(*session, image, &verdicts, nullptr), RLX_STATUS_OK)) return;
  const rlx_verdict& verdict = verdicts[0];
  run.expect(verdict.verdict <= RLX_VERDICT_EXPAND, "a verdict is one of the contract's", number(verdict.verdict));
  run.expect(strnlen(verdict.reason, sizeof verdict.reason) < sizeof verdict.reason, "a verdict's reason ends", "no NUL");
  run.expect(is_utf8(std::string(verdict.reason, strnlen(verdict.reason, sizeof verdict.reason))), "a verdict's reason is UTF-8", "it is not");
  if (verdict.verdict == RLX_VERDICT_NATIVE) {
    run.expect(!verdict.reason[0], "NATIVE has no reason", verdict.reason);
    return;
  }
  run.expect(verdict.reason[0] != 0, "what is not NATIVE has a reason", "none");
  auto error = roomy<rlx_error>();
  run.phase("compile");
  run.status("compile_lir of a composite that is not NATIVE", compile_image(*session, image, &error), RLX_STATUS_UNSUPPORTED, error.message);
  run.equal("error.op_index", error.op_index, 0);
}

// ---- CAP-04

std::string answers(Session& session, const ImageBytes& image) {
  std::vector<rlx_verdict> verdicts(16);
  session.run().phase("query_support");
  session.run().status("query_support", query_image(session, image, &verdicts, nullptr), RLX_STATUS_OK);
  std::string out;
  for (const rlx_verdict& verdict : verdicts) {
    out += static_cast<char>('0' + verdict.verdict);
    out.append(verdict.reason, strnlen(verdict.reason, sizeof verdict.reason));
    out += '|';
  }
  return out;
}

/// Sizes of one skeleton, each asked for itself, small ones first or large ones first.
void cap_sizes(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::vector<std::string> names = {"add_f32", "add_large_f32", "add_tall_f32", "add_wide_f32", "add_huge_f32"};
  if (run.key() == "descending") std::reverse(names.begin(), names.end());
  for (const std::string& name : names) {
    Model model(*session, run.image(name));
    if (!model.native()) continue;
    run.expect(model.all(2), "the size " + name + ", which is NATIVE, compiles and runs", "it does not");
  }
}

std::vector<std::string> stable_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"orders", "ascending", "descending"} : std::vector<std::string>{};
}

void cap_stable(Run& run) {
  if (run.key() != "orders") return cap_sizes(run);
  const auto session = Session::open(run);
  if (!session) return;
  std::vector<ImageBytes> images;
  std::vector<std::string> first;
  for (const std::string& name : run.image_names()) {
    images.push_back(run.image(name));
    first.push_back(answers(*session, images.back()));
  }
  Random random(run.seed());
  for (int round = 0; round < 200; ++round) {
    const std::size_t i = random.below(images.size());
    if (round % 10 == 0) {
      auto error = roomy<rlx_error>();
      query_image(*session, with_number<std::uint32_t>(images[i], offsetof(rlx_lir_header, version), 99), nullptr, &error);
      compile_image(*session, images[i], &error);
    }
    run.expect(answers(*session, images[i]) == first[i], "the same image has the same answer, in any order, after errors and compiles", "another answer");
  }
  const auto again = Session::open(run);
  if (!again) return;
  for (std::size_t i = images.size(); i-- > 0;) run.expect(answers(*again, images[i]) == first[i], "another instance has the same answer", "another answer");
}

// ---- CAP-06

void cap_composite(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto expanded = runnable(*session, {"two_steps_f32"});
  if (!expanded || !expanded->all(6)) return;
  auto composite = runnable(*session, {"elementwise_f32"});
  if (!composite || !composite->all(6)) return;
  run.same_bytes("a composite of whole numbers, beside its expansion", composite->outputs().data(), expanded->outputs().data(), expanded->outputs().size());
}

void cap_vendor(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::vector<rlx_verdict> verdicts(16);
  const ImageBytes image = run.image("stranger_f32");
  if (image.empty()) return;
  run.phase("query_support");
  run.status("query_support", query_image(*session, image, &verdicts, nullptr), RLX_STATUS_OK);
  run.expect(verdicts[0].verdict != RLX_VERDICT_NATIVE, "a vendor's composite with our opcode number is not mistaken for ours", "NATIVE");
}

std::vector<std::string> region_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"expansion", "vendor"} : std::vector<std::string>{};
}

void cap_region(Run& run) { run.key() == "vendor" ? cap_vendor(run) : cap_composite(run); }

constexpr Check kChecks[] = {
    {"CAP-02", 3, "A composite that is not NATIVE has a reason, and left in it is refused with its index.", 4, refused_cases, cap_refused},
    {"CAP-03", 3, "What is NATIVE lies within a claim row and compiles; what is not NATIVE is refused by compile.", 600, family_cases, cap_claims},
    {"CAP-04", 3, "Answers are the same in any order, after errors, and of every instance; each size of a skeleton is answered for itself.", 200, stable_cases, cap_stable},
    {"CAP-06", 3, "A composite is its region; a vendor's op with the same number is another op.", 2, region_cases, cap_region},
};

}  // namespace

std::span<const Check> cap_checks() { return kChecks; }

}  // namespace rlx::conform
