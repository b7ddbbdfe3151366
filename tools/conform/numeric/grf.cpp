// SPDX-License-Identifier: Apache-2.0
// GRF: whole graphs. Random ones under random plans and orders, rewritten ones, and layers of models that people run.
#include <rlx/ops.h>

#include <algorithm>

#include "tools/conform/numeric/expected.h"
#include "tools/conform/numeric/graph_maker.h"
#include "tools/conform/numeric/groups.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

constexpr std::pair<const char*, PlanStyle> kPlans[] = {{"tight", PlanStyle::kTight}, {"loose", PlanStyle::kLoose}, {"reversed", PlanStyle::kReversed},
                                                        {"misaligned", PlanStyle::kMisaligned}, {"arenas", PlanStyle::kManyArenas}, {"unplanned", PlanStyle::kNone}};
constexpr const char* kRewrites[] = {"dead_op", "twice", "constants", "copies", "two_outputs"};
constexpr const char* kSlices[] = {"encoder", "decoder", "vision"};
constexpr unsigned kOps[] = {3, 6, 10, 16, 24, 40};

std::vector<std::string> words(const std::string& key) {
  std::vector<std::string> out(1);
  for (const char c : key) {
    if (c == '/') out.emplace_back();
    else out.back() += c;
  }
  return out;
}

bool grows(const Facts& facts) { return random_graph(facts, 2, false, 1) && random_graph(facts, 2, true, 1); }

/// "random/10/tight/exact/17": kind, operations, plan, data, number.
std::vector<std::string> random_keys(const Facts& facts, int effort, const char* kind) {
  std::vector<std::string> keys;
  if (!grows(facts)) return keys;
  const unsigned count = effort == 0 ? 36 : effort == 1 ? 600 : 6000;
  for (unsigned i = 0; i < count; ++i)
    keys.push_back(std::string(kind) + "/" + std::to_string(kOps[i % std::size(kOps)]) + "/" + kPlans[i / 2 % std::size(kPlans)].first + "/" + (i % 3 ? "real" : "exact") + "/" +
                   std::to_string(i));
  return keys;
}
std::vector<std::string> graph_keys(const Facts& facts, int effort) { return random_keys(facts, effort, "random"); }
std::vector<std::string> order_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys = random_keys(facts, effort, "order");
  keys.resize(keys.size() / 2);
  return keys;
}

PlanStyle style_of(const std::string& name) {
  for (const auto& [plan, style] : kPlans)
    if (name == plan) return style;
  return PlanStyle::kTight;
}

/// True where the bounds say little: what is computed lies near zero, as differences of equals do.
Result<bool> is_loose(const NumericCase& made) {
  RLX_ASSIGN(const std::vector<reference::Tensor> expected, expected_outputs(made.image, made.inputs, made.params));
  for (const reference::Tensor& tensor : expected) {
    std::string bytes(tensor.count() * dtype_bytes(tensor.dtype), '\0');
    reference::write_values(tensor, reinterpret_cast<std::byte*>(bytes.data()));
    if (compare(tensor, bytes).loose > 0.1) return true;
  }
  return false;
}

/// Graphs from the seed and its successors until one has narrow bounds; the last of a few all the same.
template <class Make>
Result<NumericCase> tame_case(std::uint64_t seed, bool exact, Make&& make) {
  for (int attempt = 0;; ++attempt, seed = mix(seed)) {
    RLX_ASSIGN(NumericCase made, make(seed));
    if (exact || attempt == 8) return made;
    RLX_ASSIGN(const bool loose, is_loose(made));
    if (!loose) return made;
  }
}

Result<NumericCase> make_random(const std::string& key, std::uint64_t first_seed, const Facts& facts) {
  const std::vector<std::string> parts = words(key);
  if (parts.size() != 5) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const bool exact = parts[3] == "exact";
  const auto ops = static_cast<unsigned>(std::strtoul(parts[1].c_str(), nullptr, 10));
  return tame_case(first_seed, exact, [&](std::uint64_t seed) -> Result<NumericCase> {
    RLX_ASSIGN(RandomGraph graph, random_graph(facts, std::clamp(ops, 1u, 200u), exact, seed));
    if (parts[0] == "random" && seed % 4 == 0) inline_composites(graph.module, false, mix(seed));
    if (parts[0] == "order") shuffle_order(graph.module, mix(seed));
    graph.module.plan = random_plan(graph.module, style_of(parts[2]), mix(seed + 1));
    return case_of_graph(graph, exact);
  });
}

std::vector<std::string> slice_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!grows(facts)) return keys;
  for (const char* slice : kSlices)
    for (int i = 0; i < (effort == 0 ? 2 : 10); ++i) keys.push_back(std::string(slice) + "/" + (i % 2 ? "expanded" : "native") + "/" + std::to_string(i));
  return keys;
}

Result<NumericCase> make_slice(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::vector<std::string> parts = words(key);
  if (parts.size() != 3) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  RLX_ASSIGN(RandomGraph graph, model_slice(parts[0], seed));
  if (parts[1] == "expanded") inline_composites(graph.module, true, seed);
  graph.module.plan = random_plan(graph.module, PlanStyle::kTight, mix(seed));
  return case_of_graph(graph, false);
}

/// "encoder/6/2/native/0": model, batch, how much of it comes first, form, number.
std::vector<std::string> batch_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!grows(facts)) return keys;
  for (const char* slice : kSlices)
    for (int i = 0; i < (effort == 0 ? 2 : effort == 1 ? 12 : 60); ++i) {
      const int batch = 2 + i * 5 % 6, first = 1 + i * 3 % (batch - 1);
      keys.push_back(std::string(slice) + "/" + std::to_string(batch) + "/" + std::to_string(first) + "/" + (i % 3 == 2 ? "expanded" : "native") + "/" + std::to_string(i));
    }
  return keys;
}

/// The image of a slice for one batch, and which of its inputs have a batch.
struct BatchImage {
  RandomGraph graph;
  NumericCase made;
};

Result<BatchImage> batch_image(const std::string& name, std::int64_t batch, bool expanded, std::uint64_t seed) {
  RLX_ASSIGN(RandomGraph graph, model_slice(name, seed, batch));
  if (expanded) inline_composites(graph.module, true, seed);
  graph.module.plan = random_plan(graph.module, PlanStyle::kTight, mix(seed));
  RLX_ASSIGN(NumericCase made, case_of_graph(graph, false));
  return BatchImage{std::move(graph), std::move(made)};
}

/// The samples [from, from + count) of each input of the whole; what has no batch stays.
std::vector<std::string> samples_of(const BatchImage& whole, std::int64_t batch, std::int64_t from, std::int64_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < whole.made.inputs.size(); ++i) {
    const std::string& bytes = whole.made.inputs[i];
    const Dims& dims = whole.graph.module.values[whole.graph.module.inputs[i].value].dims;
    const std::size_t sample = bytes.size() / static_cast<std::size_t>(batch);
    out.push_back(dims[0].number() == batch ? bytes.substr(static_cast<std::size_t>(from) * sample, static_cast<std::size_t>(count) * sample) : bytes);
  }
  return out;
}

/// A batch in two parts and as a whole, with the same weights in one process.
Result<NumericCase> make_batches(const std::string& key, std::uint64_t seed, const Facts&) {
  const std::vector<std::string> parts = words(key);
  const std::int64_t batch = parts.size() == 5 ? std::strtoll(parts[1].c_str(), nullptr, 10) : 0, first = batch ? std::strtoll(parts[2].c_str(), nullptr, 10) : 0;
  if (first < 1 || first >= batch || batch > 8) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const bool expanded = parts[3] == "expanded";
  RLX_ASSIGN(const BatchImage whole, batch_image(parts[0], batch, expanded, seed));
  RLX_ASSIGN(const BatchImage low, batch_image(parts[0], first, expanded, seed));
  RLX_ASSIGN(const BatchImage high, batch_image(parts[0], batch - first, expanded, seed));
  NumericCase made;
  made.params = whole.made.params;
  made.images = {low.made.image, high.made.image, whole.made.image};
  made.steps = {{0, samples_of(whole, batch, 0, first), {}}, {2, whole.made.inputs, {}}, {1, samples_of(whole, batch, first, batch - first), {}}, {2, whole.made.inputs, {}}};
  return made;
}

std::vector<std::string> rewrite_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  if (!grows(facts)) return keys;
  for (const char* rewrite : kRewrites)
    for (int i = 0; i < (effort == 0 ? 3 : effort == 1 ? 30 : 300); ++i) keys.push_back(std::string(rewrite) + "/" + (i % 2 ? "real" : "exact") + "/" + std::to_string(i));
  return keys;
}

Result<NumericCase> make_rewrite(const std::string& key, std::uint64_t first_seed, const Facts& facts) {
  const std::vector<std::string> parts = words(key);
  if (parts.size() != 3) return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
  const bool exact = parts[1] == "exact";
  return tame_case(first_seed, exact, [&](std::uint64_t seed) -> Result<NumericCase> {
    RLX_ASSIGN(RandomGraph graph, random_graph(facts, 8, exact, seed));
    RLX_TRY(rewrite_graph(graph, parts[0], seed));
    graph.module.plan = random_plan(graph.module, PlanStyle::kTight, mix(seed));
    return case_of_graph(graph, exact);
  });
}

std::vector<std::string> control_keys(const Facts& facts, int effort) {
  std::vector<std::string> keys;
  for (const OpCase* each : op_cases(facts, effort + 1))
    if (each->op == RLX_OP_IF || each->op == RLX_OP_WHILE) keys.push_back(each->name);
  return keys;
}

Result<NumericCase> make_control(const std::string& key, std::uint64_t seed, const Facts&) {
  for (const OpCase& each : all_op_cases())
    if (each.name == key) return make_op_case(each, each.exact ? Data::kExact : Data::kTame, seed);
  return fail(ErrorCode::kInvalidArgument, "no case `", key, "`");
}

constexpr NumericCheck kChecks[] = {
    {"GRF-01", 4, "Random graphs of claimed operations are right under every kind of plan, composites whole or expanded.", 1000, graph_keys, make_random},
    {"GRF-02", 4, "Layers of an encoder, a decoder and a vision model are right, composites whole or expanded.", 20, slice_keys, make_slice},
    {"GRF-03", 4, "Every serial order that the operands allow gives right answers, each with its own plan.", 500, order_keys, make_random},
    {"GRF-04", 4, "A batch in two parts and as a whole, with the same weights in one process, gives each sample the same answer within its bound.", 100, batch_keys, make_batches},
    {"GRF-05", 4, "Dead and double operations, constants for inputs, copies and outputs named twice change no answer.", 500, rewrite_keys, make_rewrite},
    {"GRF-06", 4, "Branches and loops that are claimed are right, never entered, once, many times and nested.", 10, control_keys, make_control},
};

}  // namespace

std::span<const NumericCheck> grf_checks() { return kChecks; }

}  // namespace rlx::conform
