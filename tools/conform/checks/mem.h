// SPDX-License-Identifier: Apache-2.0
// What the checks of memory, sizes and determinism share: a scene, compiled and prepared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/conform/shared/scenes.h"
#include "tools/conform/worker/lane.h"

namespace rlx::conform {

/// The session and the model of a scene.
struct Scene {
  std::unique_ptr<Session> session;
  std::unique_ptr<Model> model;
  Run& run() const { return session->run(); }
};

/// Compiled and prepared; null, and the case failed or unsupported, where that cannot be done. `name`: of the image without
/// "scene.". `flush`: where params lie.
std::unique_ptr<Scene> open_scene(Run& run, const std::string& name, Flush flush = Flush::kEnd);
/// Another model on the session of one; null also where it is not NATIVE.
std::unique_ptr<Model> open_model(Session& session, const std::string& name, Flush flush = Flush::kEnd);

/// "the bits are those of WHAT"; the difference names its offset.
bool same_bits(Run& run, const std::string& what, const std::string& seen, const std::string& wanted);

/// MEM-10 (mem_gaps.cpp), on scenes.
void gaps_of_outputs(Run& run);
/// MEM-12 (mem_far.cpp).
std::vector<std::string> far_cases(const Facts& facts, Profile profile);
void far_elements(Run& run);
/// MEM-11 (mem_steady.cpp).
std::vector<std::string> steady_run_cases(const Facts& facts, Profile profile);
void steady_run(Run& run);

}  // namespace rlx::conform
