// SPDX-License-Identifier: Apache-2.0
// The small images on which memory, sizes and determinism are checked: what each needs of the claims, so that cases can be
// listed before any image is opened. numeric/scenes.cpp builds them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/conform/shared/facts.h"

namespace rlx::conform {

struct SceneInfo {
  const char* name;
  bool quick;  ///< part of profile quick
  bool exact;  ///< on small whole numbers every order of computing gives the same bits
  std::uint32_t opcodes[3];  ///< 0: none; all of the main graph, and of regions that are no expansion
};

std::span<const SceneInfo> scenes();

/// An op on rows that know nothing of each other: input and output 0, axis 0.
struct RowSceneInfo {
  const char* name;
  bool quick;
  std::uint32_t opcode;
};
std::span<const RowSceneInfo> row_scenes();
/// How many rows there are images of: "NAME.rows5". The first is 1.
inline constexpr std::int64_t kRowCounts[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 67};
/// Null where there is none.
const SceneInfo* find_scene(const std::string& name);
/// Every opcode has a claim row.
bool scene_claimed(const SceneInfo& scene, const Facts& facts);
/// The same inputs give the same bits: by exact data, or because every row of its opcodes says deterministic.
bool scene_steady(const SceneInfo& scene, const Facts& facts);
/// Every row of its opcodes carries `flag`.
bool scene_flagged(const SceneInfo& scene, const Facts& facts, std::uint32_t flag);
/// Names of the claimed scenes; `all` false: those of profile quick.
std::vector<std::string> claimed_scenes(const Facts& facts, bool all, bool steady);

}  // namespace rlx::conform
