// SPDX-License-Identifier: Apache-2.0
// A context, and running the ops of its program.
#pragma once

#include "objects.h"

namespace rlx_c0 {

/// The caller's memory of one input or output.
struct Tensor {
  char* data;
  uint64_t bytes;          ///< of its elements
  uint64_t span;           ///< from its first element to its last, gaps included
  const int64_t* strides;  ///< of an output whose rows have gaps, valid during the run; else null
};

/// All ops, then the outputs that no op wrote in place. Every address is bound.
int32_t run_program(rlx_context* context, Watch* watch, rlx_error* error);

}  // namespace rlx_c0

struct rlx_context {
  rlx_executable* executable;
  char** arenas;
  char* inner;  ///< the plugin's own arena, or null
  char** data;  ///< per value that is no view: where it is
  rlx_c0::View* in;
  rlx_c0::View* out;
  rlx_c0::Tensor* tensors;  ///< inputs, then outputs
  const rlx_c0::Prepared* prepared;
};
