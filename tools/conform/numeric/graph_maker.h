// SPDX-License-Identifier: Apache-2.0
// Random graphs, grown op by op from what a device claims: every operand is made to fit, so that nothing is thrown away.
// Numbers stay tame (tanh, softmax and norms follow where sums have grown), so that bounds stay narrow.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/lir/module.h"
#include "tools/conform/numeric/numeric.h"

namespace rlx::conform {

struct RandomGraph {
  lir::Module module;  ///< without a plan
  std::vector<std::string> inputs, params;
};

/// About `ops` operations; f32. `exact`: whole numbers and operations whose answers are exact in any order.
/// Errors: a graph that cannot be written, which is a fault of the tool.
Result<RandomGraph> random_graph(const Facts& facts, unsigned ops, bool exact, std::uint64_t seed);
/// A layer of a model that people run: "encoder", "decoder", "vision". `batch`: the first dim of what is batched; 0: what is
/// usual. Errors: another name.
Result<RandomGraph> model_slice(const std::string& name, std::uint64_t seed, std::int64_t batch = 0);

/// Composites of the main graph replaced by the ops of their regions, as the core does where a device says EXPAND.
/// `every`: all of them, else each by chance.
void inline_composites(lir::Module& module, bool every, std::uint64_t seed);

/// The same for the ops of the main graph that are chosen, by their place in it; one round. False where one of them is no
/// composite, and then the module is as it was.
bool inline_chosen(lir::Module& module, const std::vector<bool>& chosen);

/// The ops of the main graph in another order that their operands allow.
void shuffle_order(lir::Module& module, std::uint64_t seed);

enum class PlanStyle { kTight, kLoose, kReversed, kMisaligned, kManyArenas, kNone };
/// A plan that the rules allow: tight (as little memory as is easily had), loose (holes), reversed (later values lower),
/// misaligned (16 where 64 is usual), in several arenas, or none at all.
std::optional<lir::Plan> random_plan(const lir::Module& module, PlanStyle style, std::uint64_t seed);

/// Changes that leave the answers as they are; see grf.cpp for their names. Errors: another name.
Status rewrite_graph(RandomGraph& graph, const std::string& name, std::uint64_t seed);

/// Image (planned as the module says), inputs and params. Errors: what the writer or the verifier refuses.
Result<NumericCase> case_of_graph(const RandomGraph& graph, bool exact);

}  // namespace rlx::conform
