// SPDX-License-Identifier: Apache-2.0
// rlx.compile/1: every op that has a definition here is NATIVE; what has only a region is EXPAND.
#include <rlx/lir.h>

#include "runtime/ir/op.h"
#include "tools/reference/guard.h"
#include "tools/reference/objects.h"

namespace rlx_reference {

int32_t read_options(Options& out, const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                     rlx_error* error) {
  if (count && (!rows || stride < sizeof(rlx_option)))
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT, rlx::join(what, ": ", count, " options without rows"),
                  count);
  for (uint32_t n = 0; n < count; ++n) {
    const rlx_option row = row_at(rows, stride, n);
    const std::string key = text(row.key), value = text(row.value);
    if (key == "emit" && (value == "value" || value == "bound"))
      out.bound = value == "bound";
    else if (key == "composites" && (value == "direct" || value == "region"))
      out.region = value == "region";
    else if (key == "carry" && (value == "usual" || value == "worst"))
      out.worst = value == "worst";
    else
      return refuse(
          error, RLX_STATUS_INVALID_ARGUMENT,
          rlx::join(
              what, ": option `", key, "` = `", value,
              "`, known are emit = value or bound, composites = direct or region, carry = usual or worst"),
          n);
  }
  return RLX_STATUS_OK;
}

namespace {

rlx::lir::Op op_of(const rlx_lir_op& record) {
  rlx::lir::Op op;
  if (record.ns.offset != RLX_NO_INDEX) op.ns = "vendor";
  op.opcode = record.opcode;
  op.version = record.version;
  op.regions.resize(record.region_count);
  return op;
}

rlx_verdict verdict_of(const rlx_lir_op& record, const Options& options) {
  const rlx::lir::Op op = op_of(record);
  rlx_verdict verdict{};
  verdict.operand_index = RLX_NO_INDEX;
  const rlx::OpInfo* info = op.ns.empty() ? rlx::op_info(op.opcode) : nullptr;
  const auto answer = rlx::reference::answer_for(op);
  const bool open = options.region && info && info->composite && !op.regions.empty();
  if (answer == rlx::reference::Answer::kDirect && !open) {
    verdict.verdict = RLX_VERDICT_NATIVE;
    return verdict;
  }
  verdict.verdict = answer == rlx::reference::Answer::kUnknown ? RLX_VERDICT_UNSUPPORTED : RLX_VERDICT_EXPAND;
  const std::string why =
      verdict.verdict == RLX_VERDICT_EXPAND
          ? std::string(open ? "composites = region" : "defined by its region alone")
          : rlx::join("opcode ", op.opcode, " version ", op.version, " has no definition and no region");
  strncpy(verdict.reason, why.c_str(), sizeof verdict.reason - 1);
  return verdict;
}

constexpr uint64_t kAllDtypes = ((uint64_t{2} << RLX_DTYPE_F64) - 1) & ~uint64_t{1};

std::vector<rlx_claim> make_claims() {
  std::vector<rlx_claim> rows;
  rlx::lir::Op op;
  for (op.opcode = 1; op.opcode < 512; ++op.opcode) {
    if (rlx::reference::answer_for(op) != rlx::reference::Answer::kDirect) continue;
    rows.push_back({op.opcode, 1, 1, RLX_MAX_RANK, kAllDtypes, ~uint64_t{0}, 0xAAAAAAAAAAAAAAAAu,
                    RLX_PRECISION_F32 | RLX_PRECISION_F32_STRICT | RLX_PRECISION_TF32 | RLX_PRECISION_BF16 |
                        RLX_PRECISION_F16,
                    RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT});
  }
  return rows;
}

int32_t claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "claims: the device is null");
    RLX_STATUS_TRY(read_none(in, "claims", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_claims_out), "claims", error));
    static const std::vector<rlx_claim> rows = make_claims();
    return write_out(out, rlx_claims_out{sizeof(rlx_claims_out), static_cast<uint32_t>(rows.size()),
                                         rows.data(), sizeof(rlx_claim), 0});
  });
}

int32_t query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                      rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "query_support: the device is null");
    rlx_query_support_in own;
    RLX_STATUS_TRY(read_in(own, in, "query_support", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_query_support_out), "query_support", error));
    Options options;
    RLX_STATUS_TRY(
        read_options(options, own.options, own.option_count, own.option_stride, "query_support", error));
    rlx_lir_image image;
    uint64_t detail = 0;
    if (const int32_t status = rlx_lir_open(&image, own.image, own.image_bytes, &detail))
      return refuse(error, status, rlx::join("query_support: the image is damaged or unknown at ", detail),
                    detail);
    const uint64_t ops = rlx_lir_count(&image, RLX_LIR_OPS);
    if (own.verdict_count < ops || (ops && (!own.verdicts || own.verdict_stride < sizeof(rlx_verdict))))
      return refuse(error, RLX_STATUS_INVALID_ARGUMENT,
                    rlx::join("query_support: room for ", own.verdict_count, " verdicts, wanted ", ops), ops);
    for (uint32_t n = 0; n < ops; ++n) {
      const rlx_verdict verdict = verdict_of(*rlx_lir_op_at(&image, n), options);
      memcpy(reinterpret_cast<char*>(own.verdicts) + uint64_t{n} * own.verdict_stride, &verdict,
             sizeof verdict);
    }
    return write_out(out, rlx_query_support_out{sizeof(rlx_query_support_out), RLX_DEPENDS_NOTHING});
  });
}

int32_t status_of(rlx::ErrorCode code) {
  switch (code) {
    case rlx::ErrorCode::kImageVersion:
      return RLX_STATUS_VERSION;
    case rlx::ErrorCode::kUnsupportedOps:
      return RLX_STATUS_UNSUPPORTED;
    case rlx::ErrorCode::kInvalidImage:
      return RLX_STATUS_INVALID_IMAGE;
    default:
      return RLX_STATUS_INTERNAL;
  }
}

int32_t compile(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (!device) return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "compile: the device is null");
    rlx_compile_in own;
    RLX_STATUS_TRY(read_in(own, in, "compile", error));
    RLX_STATUS_TRY(check_out(out, sizeof(rlx_compile_out), "compile", error));
    Options options;
    RLX_STATUS_TRY(read_options(options, own.options, own.option_count, own.option_stride, "compile", error));
    if (!own.image) return refuse(error, RLX_STATUS_INVALID_IMAGE, "compile: the image is null");
    rlx_lir_image image;
    uint64_t detail = 0;
    if (const int32_t status = rlx_lir_open(&image, own.image, own.image_bytes, &detail))
      return refuse(error, status, rlx::join("compile: the image is damaged or unknown at ", detail), detail);
    for (uint32_t n = 0; n < rlx_lir_count(&image, RLX_LIR_OPS); ++n) {
      const rlx_verdict verdict = verdict_of(*rlx_lir_op_at(&image, n), {});
      if (verdict.verdict == RLX_VERDICT_UNSUPPORTED)
        return refuse(error, RLX_STATUS_UNSUPPORTED, rlx::join("compile: op ", n, ": ", verdict.reason), n,
                      n);
    }
    auto program = rlx::reference::Program::make({static_cast<const std::byte*>(own.image), own.image_bytes});
    if (!program)
      return refuse(error, status_of(program.error().code()), "compile: " + program.error().message());
    return write_out(out, rlx_compile_out{sizeof(rlx_compile_out), 0,
                                          new rlx_executable{device, *std::move(program), options}});
  });
}

void destroy(rlx_executable* executable) { delete executable; }

int32_t info(rlx_executable* executable, const void* in, rlx_executable_info_out* out, rlx_error* error) {
  if (!executable)
    return refuse(error, RLX_STATUS_INVALID_ARGUMENT, "executable_info: the executable is null");
  RLX_STATUS_TRY(read_none(in, "executable_info", error));
  RLX_STATUS_TRY(check_out(out, sizeof(rlx_executable_info_out), "executable_info", error));
  rlx_executable_info_out own{};
  own.plan = RLX_PLAN_OWN;
  own.arena_stride = sizeof(rlx_arena_info);
  return write_out(out, own);
}

}  // namespace

const rlx_compile_1 kCompileTable = {claims, query_support, compile, destroy, info};

}  // namespace rlx_reference
