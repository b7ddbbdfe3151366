// SPDX-License-Identifier: Apache-2.0
// Packed rows: sequences of many lengths in one call, one after the other, with no padding and no mask.
#pragma once

#include <rlx/host/pipeline.hpp>
#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace rlx {

/// Runs a model in packed form on `sequences`, each a list of its inputs by name, and gives each sequence's outputs.
/// Packed form: the input `offsets`, i32 or i64 [N+1], says where the rows of each of N sequences begin and end (0 first);
/// every other input has its rows along axis 0, which has one size in all of them; so has every output, or it has N rows,
/// one a sequence. Attention with MaskKind::kSeqOffsets and segment_reduce keep sequences apart.
/// Shapes: inputs [length, ..]; outputs [length, ..], or [..] where the model gives one row a sequence. Lengths and N may be
/// 0 where the model's symbols allow it.
/// Where the backend is row-invariant (the CPU is) a sequence's outputs are, bit for bit, those of a call of it alone.
/// Errors: kInvalidArgument for a template that is not in packed form; kMissingInput, kUnknownName, kDuplicateName,
/// kWrongDtype, kWrongShape, kSymbolConflict naming the sequence; those of get_or_compile and CompiledGraph::run.
RLX_API Result<std::vector<std::vector<NamedTensor>>> run_packed(ModelCompilePipeline& pipeline, const Template& from,
                                                                 std::span<const std::vector<NamedView>> sequences,
                                                                 std::string_view offsets = "seq_offsets");

}  // namespace rlx
