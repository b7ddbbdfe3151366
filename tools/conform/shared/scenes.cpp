// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/shared/scenes.h"

#include <rlx/compile.h>
#include <rlx/ops.h>

namespace rlx::conform {
namespace {

constexpr SceneInfo kScenes[] = {
    {"add", true, true, {RLX_OP_BINARY}},
    {"chain", true, true, {RLX_OP_BINARY}},
    {"repeat_row", true, true, {RLX_OP_BINARY}},
    {"repeat_one", false, true, {RLX_OP_BINARY}},
    {"views", true, true, {RLX_OP_BINARY}},
    {"reversed_ids", false, true, {RLX_OP_BINARY}},
    {"add_i64", false, true, {RLX_OP_BINARY}},
    {"add_f16", false, true, {RLX_OP_BINARY}},
    {"copy_i8", false, true, {RLX_OP_COPY}},
    {"exp", false, false, {RLX_OP_UNARY}},
    {"neg_i32", false, true, {RLX_OP_UNARY}},
    {"choose", false, true, {RLX_OP_COMPARE, RLX_OP_SELECT}},
    {"cast", true, true, {RLX_OP_CAST}},
    {"iota", false, true, {RLX_OP_IOTA}},
    {"concat", true, true, {RLX_OP_CONCAT}},
    {"pad", true, true, {RLX_OP_PAD}},
    {"gather", true, true, {RLX_OP_GATHER}},
    {"gather_elements", false, true, {RLX_OP_GATHER_ELEMENTS}},
    {"scatter_elements", false, true, {RLX_OP_SCATTER_ELEMENTS}},
    {"dynamic_slice", false, true, {RLX_OP_DYNAMIC_SLICE}},
    {"update_slice", true, true, {RLX_OP_DYNAMIC_UPDATE_SLICE}},
    {"reduce", true, true, {RLX_OP_BINARY, RLX_OP_REDUCE}},
    {"reduce_max", false, true, {RLX_OP_REDUCE}},
    {"arg_reduce", false, true, {RLX_OP_ARG_REDUCE}},
    {"cumulate", false, true, {RLX_OP_CUMULATE}},
    {"top_k", true, true, {RLX_OP_TOP_K}},
    {"dot", true, true, {RLX_OP_DOT}},
    {"conv", true, true, {RLX_OP_CONV}},
    {"reduce_window", false, true, {RLX_OP_REDUCE_WINDOW}},
    {"rng_bits", false, true, {RLX_OP_RNG_BITS}},
    {"if", false, true, {RLX_OP_IF, RLX_OP_BINARY}},
    {"linear", true, true, {RLX_OP_LINEAR}},
    {"linear_nk", false, true, {RLX_OP_LINEAR}},
    {"linear_parts", false, true, {RLX_OP_LINEAR}},
    {"linear_no_terms", false, true, {RLX_OP_LINEAR}},
    {"relu", true, true, {RLX_OP_ACT}},
    {"softmax", true, false, {RLX_OP_SOFTMAX}},
    {"layer_norm", true, false, {RLX_OP_LAYER_NORM}},
    {"rms_norm", false, false, {RLX_OP_RMS_NORM}},
    {"attention", true, false, {RLX_OP_ATTENTION}},
    {"gated_act", false, false, {RLX_OP_GATED_ACT}},
    {"avg_pool", false, false, {RLX_OP_AVG_POOL}},
    {"elementwise", true, true, {RLX_OP_ELEMENTWISE, RLX_OP_BINARY}},
};

constexpr RowSceneInfo kRowScenes[] = {
    {"row_linear", true, RLX_OP_LINEAR},      {"row_dot", false, RLX_OP_DOT},           {"row_softmax", true, RLX_OP_SOFTMAX},
    {"row_layer_norm", true, RLX_OP_LAYER_NORM}, {"row_rms_norm", false, RLX_OP_RMS_NORM}, {"row_reduce", false, RLX_OP_REDUCE},
    {"row_gelu", false, RLX_OP_ACT},
};

}  // namespace

std::span<const RowSceneInfo> row_scenes() { return kRowScenes; }

std::span<const SceneInfo> scenes() { return kScenes; }

const SceneInfo* find_scene(const std::string& name) {
  for (const SceneInfo& scene : kScenes)
    if (name == scene.name) return &scene;
  return nullptr;
}

bool scene_claimed(const SceneInfo& scene, const Facts& facts) {
  for (const std::uint32_t opcode : scene.opcodes)
    if (opcode && !facts.claim(opcode)) return false;
  return true;
}

bool scene_flagged(const SceneInfo& scene, const Facts& facts, std::uint32_t flag) {
  for (const std::uint32_t opcode : scene.opcodes)
    for (const Claim& row : facts.claims)
      if (opcode && row.opcode == opcode && !(row.flags & flag)) return false;
  return scene_claimed(scene, facts);
}

bool scene_steady(const SceneInfo& scene, const Facts& facts) {
  return scene.exact || scene_flagged(scene, facts, RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT);
}

std::vector<std::string> claimed_scenes(const Facts& facts, bool all, bool steady) {
  std::vector<std::string> names;
  for (const SceneInfo& scene : kScenes)
    if ((all || scene.quick) && scene_claimed(scene, facts) && (!steady || scene_steady(scene, facts))) names.push_back(scene.name);
  return names;
}

}  // namespace rlx::conform
