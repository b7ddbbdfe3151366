// SPDX-License-Identifier: Apache-2.0
// MEM-11: the steady path of a context: its later runs allocate and map nothing, and read large inputs where they lie.
#include <rlx/ops.h>

#include <cstdlib>
#include <fstream>

#include "tools/conform/checks/mem.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

constexpr const char* kLargeInput = "large-input";
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// The number behind "NAME:" of /proc/self/status, in bytes; 0 where there is none.
std::uint64_t process_bytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  return 0;
}

/// The plugin's part of a run alone: the tool's own words about it are made afterwards.
class BareRun {
 public:
  BareRun(Scene& scene, Lane& lane) : table_(scene.session->tables().execute), context_(lane.context()) {
    in_.params = scene.model->set();
    in_.inputs = lane.input_views().data();
    in_.outputs = lane.output_views().data();
    in_.input_count = static_cast<std::uint32_t>(lane.input_views().size());
    in_.output_count = static_cast<std::uint32_t>(lane.output_views().size());
    in_.input_stride = in_.output_stride = sizeof(rlx_view);
  }
  std::int32_t execute() { return table_->execute(context_, &in_, nullptr, nullptr); }

 private:
  const rlx_execute_1* table_;
  rlx_context* context_;
  rlx_execute_in in_ = sized<rlx_execute_in>();
};

void small_runs(Run& run, Scene& scene, Lane& lane) {
  for (int turn = 0; turn < 3; ++turn)
    if (!lane.run()) return;
  BareRun bare(scene, lane);
  run.phase("execute");
  std::uint64_t mapped = 0;
  for (std::uint64_t turn = 4; turn < 12; ++turn) {
    const Calls before = calls_so_far();
    const std::int32_t status = bare.execute();
    const Calls after = calls_so_far();
    if (!run.status("execute", status, RLX_STATUS_OK)) return;
    if (!run.equal("allocations of run " + number(turn), after.allocations - before.allocations, 0)) return;
    if (turn == 4) mapped = process_bytes("VmSize");
  }
  const std::uint64_t now = process_bytes("VmSize");
  run.expect(now <= mapped, "runs map no memory", number(now - mapped) + " bytes are mapped since the fourth");
}

/// A few rows are gathered from 256 MiB; arenas count as copies, too.
void large_input(Run& run, Scene& scene) {
  const std::uint64_t input = scene.model->info().inputs[0].bytes;
  std::vector<rlx_arena_info> arenas;
  if (!arena_infos(*scene.session, scene.model->executable(), arenas)) return;
  std::uint64_t lent = 0;
  for (const rlx_arena_info& arena : arenas) lent += arena.bytes;
  if (!run.expect(lent < input / 4, "arenas have no room for a copy of a large input", number(lent) + " bytes")) return;
  Lane lane(*scene.session, *scene.model);
  if (!lane.open()) return;
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew, where that is allowed
  const std::uint64_t before = process_bytes("VmHWM");
  for (int turn = 0; turn < 2; ++turn)
    if (!run.status("execute", lane.execute(), RLX_STATUS_OK, lane.message().c_str())) return;
  const std::uint64_t after = process_bytes("VmHWM");
  run.expect(after - before < input / 4, "the peak of a run is less than a quarter of its input", number((after - before) / kMiB) + " MiB");
}

}  // namespace

std::vector<std::string> steady_run_cases(const Facts& facts, Profile profile) {
  std::vector<std::string> keys = claimed_scenes(facts, profile != Profile::kQuick, false);
  if (profile != Profile::kQuick && facts.claim(RLX_OP_GATHER)) keys.push_back(kLargeInput);
  return keys;
}

void steady_run(Run& run) {
  const bool large = run.key() == kLargeInput;
  const std::uint32_t flags = run.facts().device_flags;
  if (flags & RLX_DEVICE_FLAG_ALLOCATES_IN_RUNS) return run.unsupported("the device says that its runs allocate");
  if (large && !(flags & RLX_DEVICE_FLAG_HOST_MEMORY)) return run.unsupported("the device does not read the host's memory in place");
  if (!large && !calls_are_watched()) return run.skip("under a sanitizer allocations are not counted");
  if (large && !process_bytes("VmHWM")) return run.skip("the system does not say how much memory the process took at most");
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  if (large) return large_input(run, *scene);
  Lane lane(*scene->session, *scene->model);
  if (lane.open()) small_runs(run, *scene, lane);
}

}  // namespace rlx::conform
