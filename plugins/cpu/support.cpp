// SPDX-License-Identifier: Apache-2.0
// What the device can run. A query compiles every op and keeps nothing but the answers.
#include "compile.h"
#include "compile_builder.h"
#include "compile_ops.h"
#include "device.h"
#include "entry_guard.h"
#include "entry_options.h"
#include "support_claims.h"

#include <cstring>

namespace rlx_cpu {

int32_t device_claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "claims: device");
    if (int32_t status = read_no_in(in, "claims", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_claims_out), "claims", error)) return status;
    rlx_claims_out result{};
    result.rows = claim_rows(&result.count);
    result.stride = sizeof(rlx_claim);
    return write_out(out, result);
  });
}

namespace {

void write_verdict(const rlx_query_support_in& in, uint32_t index, const Answer& answer, double ns) {
  rlx_verdict verdict{};
  verdict.verdict = answer.verdict;
  verdict.operand_index = answer.native() ? RLX_NO_INDEX : answer.operand;
  verdict.attribute_key = answer.native() ? 0 : answer.attribute;
  verdict.est_ns = answer.native() ? static_cast<uint64_t>(ns) : 0;
  if (!answer.native()) std::memcpy(verdict.reason, answer.reason, sizeof verdict.reason);
  char* at = reinterpret_cast<char*>(in.verdicts) + uint64_t(index) * in.verdict_stride;
  std::memcpy(at, &verdict, sizeof verdict);
}

int32_t answer_all(const rlx_query_support_in& in, uint32_t* depends, rlx_error* error) {
  ImageGraph graph;
  if (int32_t status = graph.open(in.image, in.image_bytes, error)) return status;
  if (in.verdict_count < graph.op_count()) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.verdict_count,
                "query_support: room for %llu verdicts, the image has %u ops",
                static_cast<unsigned long long>(in.verdict_count), graph.op_count());
  }
  if (graph.op_count() != 0 && (in.verdicts == nullptr || in.verdict_stride < sizeof(rlx_verdict))) {
    return null_argument(error, "query_support: verdicts (or their stride)");
  }
  Builder builder(graph, 1);
  builder.out().outputs.resize(graph.count(RLX_LIR_OUTPUTS));
  builder.out().params.resize(graph.count(RLX_LIR_PARAMS));
  for (uint32_t index = 0; index < graph.op_count(); ++index) {
    const double before = builder.total_ns();
    const Answer answer = builder.compile_op(index);
    if (answer.numeric) *depends = RLX_DEPENDS_DIMS;
    write_verdict(in, index, answer, builder.total_ns() - before);
  }
  return RLX_STATUS_OK;
}

}  // namespace

int32_t device_query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (device == nullptr) return null_argument(error, "query_support: device");
    rlx_query_support_in own;
    if (int32_t status = read_in(own, in, "query_support", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_query_support_out), "query_support", error)) return status;
    if (int32_t status = check_options(own.options, own.option_count, own.option_stride, kScopeCompile,
                                       "query_support", error))
      return status;
    rlx_query_support_out result = {sizeof(rlx_query_support_out), RLX_DEPENDS_NOTHING};
    if (int32_t status = answer_all(own, &result.depends, error)) return status;
    return write_out(out, result);
  });
}

}  // namespace rlx_cpu
