// SPDX-License-Identifier: Apache-2.0
// An executable: a flat list of steps over views. Immutable once made; all that a run needs is counted here.
#pragma once

#include <rlx/compile.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/generic/view.h"
#include "params.h"

namespace rlx_cpu {

/// Where the bytes of a view come from.
enum class Root : uint32_t { kArena, kInput, kOutput, kParam, kConstant };

/// A view without an address. Lifetime of `view.data`: filled in per context.
struct ViewRecord {
  View view;
  Root root = Root::kArena;
  uint32_t index = 0;  // arena, input, output or param
  int64_t offset = 0;  // bytes from the root's first byte to element [0,..,0]
};

/// What a step sees of the run that it is part of.
struct StepRun {
  const View* views;
  const float* const* packs;
  char* scratch;  // of this thread alone
  char* temps;    // of the context, shared
};

/// Captured arguments of a step.
struct StepArgs {
  virtual ~StepArgs() = default;
};

struct StepList;

/// Work on items [0, items), cut among threads in pieces of whole items.
struct Step {
  KernelStatus (*run)(const StepArgs* args, const StepRun& run, Range range) = nullptr;
  std::unique_ptr<StepArgs> args;
  int64_t items = 0;
  int64_t chunk = 0;   // items between two looks at the caller's poll
  uint32_t parts = 1;  // more threads than this gain nothing
  uint32_t op_index = RLX_NO_INDEX;
  bool barrier = false;  // waits for all threads before it begins
  uint32_t index_operand = RLX_NO_INDEX;
  // Control flow instead of work: `condition` is a bool scalar.
  uint32_t condition = RLX_NO_INDEX;
  std::unique_ptr<StepList> first;   // if: then; while: computes the condition
  std::unique_ptr<StepList> second;  // if: else; while: the body
  bool loop = false;
  int64_t trips = -1;  // while: runs of the body at most; -1: as long as the condition holds
  const char* name = "";
};

struct StepList {
  std::vector<Step> steps;
};

struct TensorInfo {
  std::string name;
  uint32_t dtype = 0;
  uint32_t rank = 0;
  int64_t dims[RLX_MAX_RANK] = {};
  uint64_t bytes = 0;
  uint32_t element_bytes = 1;
  uint32_t state_pair = RLX_NO_INDEX;  // the output of an input, the input of an output
};

struct ParamInfo {
  std::string name;
  uint32_t set_index = 0;
  uint32_t dtype = 0;
  uint32_t rank = 0;
  int64_t dims[RLX_MAX_RANK] = {};
  bool used = false;
};

/// One view that hangs on an input, output or param; sorted by root and index.
struct Binding {
  uint32_t view = 0;
  uint32_t index = 0;
  int64_t offset = 0;
};

}  // namespace rlx_cpu

struct rlx_executable {
  rlx_device* device = nullptr;
  uint64_t id = 0;
  std::shared_ptr<const int> token;  // dies with the executable
  uint32_t threads = 1;              // most that a run may use; scratch is made for so many
  double total_ns = 0;               // estimate of one run on one thread
  double saved_ns = 0;               // of that by a team of `threads`; negative: one thread is faster
  rlx_cpu::StepList program;
  std::vector<rlx_cpu::ViewRecord> views;
  std::vector<rlx_cpu::Binding> input_bindings, output_bindings, param_bindings;
  std::vector<rlx_cpu::TensorInfo> inputs, outputs;
  std::vector<rlx_cpu::ParamInfo> params;
  std::vector<rlx_cpu::PackRecipe> packs;
  char* constants = nullptr;            // 64-byte aligned
  std::vector<rlx_arena_info> arenas;   // the image's first if its plan is followed
  uint32_t inner_arena = RLX_NO_INDEX;  // the arena of temps and scratch
  uint64_t temp_bytes = 0;
  uint64_t scratch_bytes = 0;  // per thread
  uint32_t plan = RLX_PLAN_OWN;
  uint64_t code_bytes = 0;
  rlx_hash128 pack_key{};
  bool reads_params = false;

  rlx_executable() = default;
  rlx_executable(const rlx_executable&) = delete;
  rlx_executable& operator=(const rlx_executable&) = delete;
  ~rlx_executable();
};
