// SPDX-License-Identifier: Apache-2.0
// DET: the same inputs give the same bits: again, in other processes, and of a row wherever it stands.
#include <fcntl.h>
#include <rlx/compile.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tools/conform/checks/environment.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/checks/mem.h"
#include "tools/conform/shared/protocol.h"

namespace rlx::conform {
namespace {

constexpr std::uint32_t kSteady = RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT;

std::vector<std::string> flagged_scenes(const Facts& facts, Profile profile) {
  std::vector<std::string> names;
  for (const SceneInfo& scene : scenes())
    if ((profile != Profile::kQuick || scene.quick) && scene_flagged(scene, facts, kSteady)) names.push_back(scene.name);
  return names;
}

// ---- DET-01: again ----

void det_01(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  std::string first;
  for (int context = 0; context < 4; ++context) {
    Lane lane(*scene->session, *scene->model);
    if (!lane.open()) return;
    lane.fill(run.seed(), true);
    for (int turn = 0; turn < 16; ++turn) {
      if (!lane.run()) return;
      const std::string bits = lane.outputs();
      if (first.empty()) first = bits;
      if (!same_bits(run, "results of a repeated run", bits, first)) return;
    }
    if (context) continue;
    usleep(5000);
    if (!same_bits(run, "results a while after the run returned", lane.outputs(), first)) return;
  }
}

// ---- DET-02: other processes ----

/// The bits of the scene on rough data; empty, and the case failed, where there are none.
std::string bits_of(Run& run, const std::string& name) {
  const auto scene = open_scene(run, name);
  if (!scene) return {};
  Lane lane(*scene->session, *scene->model);
  if (!lane.open()) return {};
  lane.fill(run.seed(), true);
  return lane.run() ? lane.outputs() : std::string();
}

struct Elsewhere {
  const char* name;
  std::vector<const char*> environment;
  bool fixed_addresses, others_first;
};
const Elsewhere kElsewhere[] = {
    {"plain", {}, false, false},
    {"far", {"LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8", "TZ=Asia/Kathmandu", "HOME=/nonexistent", "TMPDIR=/nonexistent"}, true, false},
    {"later", {"LC_ALL=C", "TZ=UTC"}, false, true},
};

/// In the child: a worker of its own for `request`, on its standard input; never returns.
[[noreturn]] void become_worker(const Elsewhere& place, const std::string& folder, int request) {
  if (chdir(folder.c_str())) _exit(90);
  const int null = open("/dev/null", O_WRONLY);
  dup2(request, STDIN_FILENO);
  dup2(null, kReportFd);
  if (place.fixed_addresses) personality(ADDR_NO_RANDOMIZE);
  // A driver finds its libraries and devices by what the worker was given.
  std::vector<std::string> entries = changed_environment(environ, place.environment);
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  char name[] = "rlx-conform-worker";
  char* arguments[] = {name, nullptr};
  execve("/proc/self/exe", arguments, environment.data());
  _exit(91);
}

/// Bits of the scene from a process of its own; empty where it ended badly.
std::string bits_from(Run& run, const Elsewhere& place, int& status) {
  const std::string folder = run.folder() + "/" + place.name;
  mkdir(folder.c_str(), 0700);
  int pipe_ends[2];
  if (pipe(pipe_ends)) return {};
  const std::string key = std::string(place.others_first ? "child-later/" : "child/") + run.key();
  const std::string request = join_texts({"check", run.plugin(), "DET-02", key, number(run.seed()), run.request().run_folder, number(static_cast<std::uint64_t>(getpid()))});
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[1]);
    become_worker(place, folder, pipe_ends[0]);
  }
  close(pipe_ends[0]);
  const bool told = write(pipe_ends[1], request.data(), request.size()) == static_cast<ssize_t>(request.size());
  close(pipe_ends[1]);
  if (child < 0 || !told) return {};
  waitpid(child, &status, 0);
  std::ifstream file(folder + "/bits", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void det_02(Run& run) {
  const std::string key = run.key();
  if (key.starts_with("child")) {
    const std::string scene = key.substr(key.find('/') + 1);
    if (key.starts_with("child-later"))
      for (const char* other : {"chain", "linear", "softmax"})
        if (scene_claimed(*find_scene(other), run.facts())) bits_of(run, other);
    std::ofstream file("bits", std::ios::binary);
    const std::string bits = bits_of(run, scene);
    file.write(bits.data(), static_cast<std::streamsize>(bits.size()));
    return;
  }
  const std::string own = bits_of(run, key);
  if (own.empty()) return;
  for (const Elsewhere& place : kElsewhere) {
    run.phase("another process");
    int status = -1;
    const std::string bits = bits_from(run, place, status);
    if (!run.expect(status == 0, std::string("the process `") + place.name + "` ends well", "wait status " + number(static_cast<std::uint64_t>(status)))) return;
    if (!same_bits(run, std::string("results of the process `") + place.name + "`", bits, own)) return;
  }
}

// ---- DET-05: a row is a row ----

std::vector<std::string> row_cases(const Facts& facts, Profile profile) {
  std::vector<std::string> keys;
  for (const RowSceneInfo& scene : row_scenes()) {
    if (profile == Profile::kQuick && !scene.quick) continue;
    if (scene_flagged({scene.name, true, false, {scene.opcode}}, facts, RLX_CLAIM_ROW_INVARIANT)) keys.push_back(scene.name);
  }
  return keys;
}

/// A row of rough data for every number.
std::string row_of(const TensorInfo& tensor, std::int64_t rows, std::uint64_t seed, std::uint64_t number) {
  TensorInfo one = tensor;
  one.bytes = tensor.bytes / static_cast<std::uint64_t>(rows);
  std::string bytes(one.bytes, '\0');
  fill_rough(one, mix(seed) + number, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

/// Runs `rows` rows that begin with row `first`, and compares each with `alone`, which grows where it is short.
bool run_rows(Run& run, Lane& lane, const TensorInfo& tensor, std::int64_t rows, std::uint64_t first, std::vector<std::string>& alone,
              const std::string& what) {
  constexpr std::uint64_t kDifferent = 11;
  std::string data;
  for (std::int64_t r = 0; r < rows; ++r) data += row_of(tensor, rows, run.seed(), (first + static_cast<std::uint64_t>(r)) % kDifferent);
  lane.set_input(0, data);
  if (!lane.run()) return false;
  const std::string out = lane.output(0);
  const std::size_t width = out.size() / static_cast<std::size_t>(rows);
  if (alone.size() < kDifferent) return alone.push_back(out), true;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::string bits = out.substr(static_cast<std::size_t>(r) * width, width);
    const std::string& wanted = alone[(first + static_cast<std::uint64_t>(r)) % kDifferent];
    if (!same_bits(run, "row " + number(static_cast<std::uint64_t>(r)) + " of " + what, bits, wanted)) return false;
  }
  return true;
}

void det_05(Run& run) {
  auto session = Session::open(run);
  if (!session) return;
  std::vector<std::string> alone;
  for (const std::int64_t rows : kRowCounts) {
    const std::string image = run.key() + ".rows" + std::to_string(rows);
    const auto model = open_model(*session, image);
    if (!model) {
      if (!run.failed()) run.unsupported("the plugin does not answer NATIVE for this image");
      return;
    }
    const TensorInfo& tensor = model->info().inputs[0];
    for (const std::uint32_t threads : {0u, 1u, 2u, 3u}) {
      Lane lane(*session, *model);
      auto arenas = std::make_shared<Arenas>(*session, std::vector<const Model*>{model.get()}, Layout{});
      if (!arenas->good() || !lane.open(arenas, threads)) return;
      const int turns = rows == 1 ? 11 : 2;
      for (int turn = 0; turn < turns; ++turn)
        if (!run_rows(run, lane, tensor, rows, static_cast<std::uint64_t>(turn), alone,
                      number(static_cast<std::uint64_t>(rows)) + " with thread limit " + number(threads)))
          return;
    }
  }
}

constexpr Check kChecks[] = {
    {"DET-01", 4, "Where the claims say deterministic a repeated run gives the same bits, in every context, and they stay.", 64, flagged_scenes, det_01},
    {"DET-02", 4, "Other processes, addresses, locales, folders and earlier work change no bit.", 5, flagged_scenes, det_02},
    {"DET-05", 4, "Where the claims say row-invariant a row gives the same bits alone, in every batch, at every place, with every thread limit.", 100, row_cases, det_05},
};

}  // namespace

std::span<const Check> det_checks() { return kChecks; }

}  // namespace rlx::conform
