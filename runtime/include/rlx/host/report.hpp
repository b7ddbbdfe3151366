// SPDX-License-Identifier: Apache-2.0
// What can be said before anything runs: how an image's arena is planned, what the ops become, how much memory a model at
// one binding needs. Data for tools and for hosts that decide by it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// One value of the plan: `bytes` at `offset` of the arena from step `first_step` to step `last_step`, both included.
struct PlanValue {
  std::string name;  ///< of the op that writes it, "layer.0/ln:0"; else the op's kind and a weight that it reads
  std::string op;    ///< kind of the op that writes it, "layer_norm"
  DType dtype = DType::kNone;
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
  std::uint32_t first_step = 0, last_step = 0;
};

/// The arena that the core proposes to the backend, which may plan for itself (MemoryEstimate has what it asks for).
struct RLX_API PlanReport {
  std::uint64_t arena_bytes = 0;
  std::uint64_t busiest_bytes = 0;  ///< alive at the busiest step: no plan can need less
  std::uint32_t busiest_step = 0;
  std::vector<std::string> steps;   ///< kind of each op, in schedule order
  std::vector<PlanValue> values;    ///< in the order of their first steps
  /// A picture: time from left to right, offsets from bottom to top, one rectangle per value; names and numbers on hover.
  std::string to_svg(std::string_view title) const;
};

/// The plan inside an LIR image. Errors: kInvalidImage.
RLX_API Result<PlanReport> plan_report(std::span<const std::byte> image);

/// How often each kind of op occurs in an image, the most frequent first.
struct OpUse {
  std::string op;
  std::size_t count = 0;
};
/// Errors: kInvalidImage.
RLX_API Result<std::vector<OpUse>> op_uses(std::span<const std::byte> image);

/// Inputs whose values no op and no output reads. Their shapes may still give symbols their sizes.
RLX_API std::vector<std::string> unread_inputs(const Template& from);

/// Bytes that a model at one binding needs on its device.
struct RLX_API MemoryEstimate {
  std::uint64_t weight_bytes = 0;             ///< as given: mapped or copied; once per model and device
  std::optional<std::uint64_t> packed_bytes;  ///< the backend's own forms of them; unknown before they are packed
  std::uint64_t arena_bytes = 0;              ///< of one running call, as the backend asks for them
  std::uint64_t input_bytes = 0, output_bytes = 0;
  std::uint64_t code_bytes = 0;               ///< of the compiled variant
  /// Of one running call; packed counts where it is known.
  std::uint64_t peak_bytes() const;
};

/// Compiles `specialized` outside every cache and asks the backend; runs nothing. `pack` also packs the weights, if all of
/// them are set: exact, but takes that time and memory. Errors: those of compiling; kInvalidArgument for another template.
RLX_API Result<MemoryEstimate> estimate_memory(const Template& from, const Specialized& specialized, bool pack);

/// "did you mean `a`? (known: a, b)", nearest first: what our own messages say of an unknown name.
RLX_API std::string did_you_mean_text(std::string_view wrong, std::span<const std::string> known);

}  // namespace rlx
