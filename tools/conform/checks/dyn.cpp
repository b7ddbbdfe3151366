// SPDX-License-Identifier: Apache-2.0
// DYN-04 and DYN-05: a variant more changes nothing for those that are there; state is one memory.
#include <rlx/ops.h>

#include <cstring>

#include "tools/conform/checks/groups.h"
#include "tools/conform/checks/mem.h"

namespace rlx::conform {
namespace {

std::vector<std::string> row_cases(const Facts& facts, Profile profile) {
  std::vector<std::string> keys;
  for (const RowSceneInfo& scene : row_scenes())
    if ((profile != Profile::kQuick || scene.quick) && scene_flagged({scene.name, true, false, {scene.opcode}}, facts, RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT))
      keys.push_back(scene.name);
  return keys;
}

/// Results of the first size before, while and after others on its set are compiled, prepared, run and destroyed.
void dyn_04(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const auto first = open_model(*session, run.key() + ".rows5");
  if (!first) {
    if (!run.failed()) run.unsupported("the plugin does not answer NATIVE for this image");
    return;
  }
  Lane lane(*session, *first);
  if (!lane.open()) return;
  lane.fill(run.seed(), true);
  if (!lane.run()) return;
  const std::string wanted = lane.outputs();
  const auto still = [&](const char* when) { return lane.run() && same_bits(run, std::string("results of the first size ") + when, lane.outputs(), wanted); };
  for (const char* size : {".rows17", ".rows2", ".rows67"}) {
    Model other(*session, run.image("scene." + run.key() + size));
    if (!other.native() || !other.compile() || !still("after another was compiled")) return;
    if (!other.prepare_on(*first) || !still("after another was prepared on its set")) return;
    Lane beside(*session, other);
    if (!beside.open() || !beside.run() || !still("after another ran")) return;
    beside.close();
    other.drop();
    if (!still("after another was destroyed")) return;
  }
}

// ---- DYN-05 ----

std::vector<std::string> state_cases(const Facts& facts, Profile) {
  if (!facts.claim(RLX_OP_BINARY)) return {};
  return {"only_pairs", "elsewhere", "shifted", "shorter", "other_dims", "other_dtype"};
}

/// Two runs: the kept sum is the caller's memory, and nothing else is written.
void only_pairs(Run& run, Lane& lane) {
  const std::string beside = lane.inputs();
  std::string kept = lane.output(0);
  for (int turn = 0; turn < 2; ++turn) {
    if (!lane.run() || !lane.intact()) return;
    if (!same_bits(run, "inputs that are no state", lane.inputs(), beside)) return;
    std::string sum = kept;
    for (std::size_t i = 0; i + 4 <= sum.size(); i += 4) {
      float a = 0, b = 0;
      memcpy(&a, kept.data() + i, 4);
      memcpy(&b, beside.data() + i, 4);
      a += b;
      memcpy(sum.data() + i, &a, 4);
    }
    if (!same_bits(run, "the state in the caller's memory", lane.output(0), sum)) return;
    kept = sum;
  }
}

void dyn_05(Run& run) {
  const auto scene = open_scene(run, "state");
  if (!scene) return;
  Lane lane(*scene->session, *scene->model);
  if (!lane.open()) return;
  lane.fill(run.seed());
  lane.poison();
  if (run.key() == "only_pairs") return only_pairs(run, lane);
  rlx_view& out = lane.output_views()[0];
  const Guarded other(out.bytes, 4, Flush::kMiddle);
  const std::int64_t dims[] = {7, 5};
  if (run.key() == "elsewhere") out.host = other.data();
  if (run.key() == "shifted") out.host = static_cast<unsigned char*>(out.host) + 4;
  if (run.key() == "shorter") out.bytes -= 4;
  if (run.key() == "other_dims") out.dims = dims;
  if (run.key() == "other_dtype") out.dtype = RLX_DTYPE_I32;
  const std::string before = lane.outputs() + lane.inputs();
  run.status("execute where a state's views differ", lane.execute(), RLX_STATUS_INVALID_ARGUMENT, lane.message().c_str());
  same_bits(run, "tensors after the refused run", lane.outputs() + lane.inputs(), before);
  run.expect(other.intact(), "memory beside the state stays", "it has changed");
}

constexpr Check kChecks[] = {
    {"DYN-04", 4, "Compiling, preparing, running and destroying another size changes nothing for those that are there.", 10, row_cases, dyn_04},
    {"DYN-05", 4, "The views of a state are one range of the caller's memory, else the run is refused; nothing but states and outputs is written.", 10, state_cases, dyn_05},
};

}  // namespace

std::span<const Check> dyn_checks() { return kChecks; }

}  // namespace rlx::conform
