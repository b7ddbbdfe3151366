// SPDX-License-Identifier: Apache-2.0
// What a kernel is given: the op as the image has it, its operands and results as views, and a way to ask
// whether to stop.
#pragma once

#include <rlx/compile.h>

#include "view.h"

namespace rlx_c0 {

struct Program;

/// Asks the host's poll and deadline now and then. Lives for one call of the host.
struct Watch {
  const rlx_call* call = nullptr;  ///< a copy that outlives the watch, or null
  int64_t work = 0;
  int32_t status = RLX_STATUS_OK;

  /// RLX_STATUS_OK, CANCELLED or DEADLINE; once stopped it stays so.
  int32_t ask();
  /// Counts units of about a nanosecond and asks when many have gone by.
  int32_t tick(int64_t units) {
    if ((work += units) < int64_t{1} << 22) return status;
    work = 0;
    return ask();
  }
};

/// Why a kernel refused a value: RLX_STATUS_DATA_ERROR alone.
struct Refusal {
  int64_t value;
  int64_t limit;
};

struct Call {
  const Program* program;
  const rlx_lir_image* image;
  const rlx_lir_op* op;
  uint32_t index;
  const View* in;
  const View* out;
  uint32_t in_count;
  uint32_t out_count;
  char* scratch;
  Watch* watch;
  Refusal* refusal;

  bool has(uint32_t operand) const { return operand < in_count && in[operand].dtype != RLX_DTYPE_NONE; }
  int64_t whole(uint32_t key, int64_t otherwise) const { return rlx_lir_attr_i64(image, op, key, otherwise); }
  double real(uint32_t key, double otherwise) const { return rlx_lir_attr_f64(image, op, key, otherwise); }
  /// Entry `at` of an integer list, or `otherwise` where the list is absent or shorter.
  int64_t entry(uint32_t key, uint32_t at, int64_t otherwise) const {
    uint32_t count = 0;
    const int64_t* list = rlx_lir_attr_list(image, op, key, RLX_LIR_ATTR_I64_LIST, &count);
    return list && at < count ? list[at] : otherwise;
  }
  const int64_t* list(uint32_t key, uint32_t* count) const {
    return rlx_lir_attr_list(image, op, key, RLX_LIR_ATTR_I64_LIST, count);
  }
  bool stop(int64_t units) const { return watch->tick(units) != RLX_STATUS_OK; }
  int32_t refuse(int64_t value, int64_t limit) const {
    *refusal = {value, limit};
    return RLX_STATUS_DATA_ERROR;
  }
};

/// Whether the device runs an op. `reason` is a literal.
struct Answer {
  uint32_t verdict = RLX_VERDICT_NATIVE;
  uint32_t operand = RLX_NO_INDEX;
  uint32_t attribute = 0;
  const char* reason = "";
  uint64_t scratch = 0;  ///< bytes that a run of it needs

  bool native() const { return verdict == RLX_VERDICT_NATIVE; }
};
inline Answer unsupported(const char* reason, uint32_t operand = RLX_NO_INDEX, uint32_t attribute = 0) {
  return {RLX_VERDICT_UNSUPPORTED, operand, attribute, reason, 0};
}
inline Answer expand(const char* reason) { return {RLX_VERDICT_EXPAND, RLX_NO_INDEX, 0, reason, 0}; }

#define C0_NEED(condition, ...) \
  if (!(condition)) return unsupported(__VA_ARGS__)

/// A kernel, and the check that its operands and attributes fit; the check sees views without data.
using Run = int32_t (*)(const Call& call);
using Check = Answer (*)(const Call& call);

}  // namespace rlx_c0
