// SPDX-License-Identifier: Apache-2.0
// RES: what runs for long keeps nothing: memory, descriptors, threads, mappings, files, memory of the device.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tools/conform/checks/busy.h"
#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/host.h"
#include "tools/conform/worker/process_state.h"
#include "tools/conform/worker/watch.h"

extern char** environ;

namespace rlx::conform {
namespace {

std::int64_t live_allocations() {
  const Calls calls = calls_so_far();
  return static_cast<std::int64_t>(calls.allocations) - static_cast<std::int64_t>(calls.frees);
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// The median of the slopes between all pairs of samples that are one step apart: a single jump does not move it.
/// Source: the estimator of Theil 1950 and Sen 1968.
double slope(const std::vector<double>& samples) {
  std::vector<double> slopes;
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::size_t k = i + 1; k < samples.size(); ++k) slopes.push_back((samples[k] - samples[i]) / static_cast<double>(k - i));
  if (slopes.empty()) return 0;
  std::nth_element(slopes.begin(), slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2), slopes.end());
  return slopes[slopes.size() / 2];
}

/// Growth from sample to sample that is a trend, and not the teeth of something that fills and is swept: the lowest sample
/// of the last third lies above the lowest of the first.
double growth(const std::vector<double>& samples) {
  const auto third = static_cast<std::ptrdiff_t>(samples.size() / 3);
  if (!third) return 0;
  const double first = *std::min_element(samples.begin(), samples.begin() + third), last = *std::min_element(samples.end() - third, samples.end());
  return std::min(slope(samples), std::max(0.0, last - first) / static_cast<double>(2 * third));
}

/// Runs `body` in 24 batches, after 8 that are not looked at, in which what has a bound may fill, and expects that nothing grows from batch to batch.
void expect_level(Run& run, const std::string& what, int batch, const Host& host, const std::function<bool()>& body) {
  std::vector<double> allocations, resident, lent;
  for (int i = -8; i < 24; ++i) {
    for (int k = 0; k < batch; ++k)
      if (!body()) return;
    if (i < 0) continue;
    allocations.push_back(static_cast<double>(live_allocations()));
    resident.push_back(resident_bytes());
    lent.push_back(static_cast<double>(host.live_bytes));
  }
  if (calls_are_watched()) {
    const double kept = growth(allocations) / batch;
    run.expect(kept < 0.1, what + ": no allocation is kept", text("%.2f more for each", kept));
  }
  const double bytes = growth(resident) / batch;
  run.expect(bytes < 1024, what + ": resident memory stays", text("%.0f bytes more for each", bytes));
  const double owed = growth(lent) / batch;
  run.expect(owed < 16, what + ": memory of the host's allocator is given back", text("%.0f bytes more for each", owed));
}

HostOptions with_allocator() {
  HostOptions options;
  options.alloc = true;
  return options;
}

// ---- RES-01

std::vector<std::string> loop_cases(const Facts& facts, Profile profile) {
  if (!facts.usable()) return {};
  std::vector<std::string> keys = {"runs", "lives", "contexts", "buffers"};
  if (profile != Profile::kQuick) keys.insert(keys.end(), {"runs-long", "lives-long"});
  return keys;
}

bool one_buffer(Session& session) {
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = 4096;
  auto out = roomy<rlx_alloc_out>();
  if (!session.run().status("buffer.alloc", session.tables().buffer->alloc(session.device(), &in, &out, nullptr), RLX_STATUS_OK)) return false;
  session.tables().buffer->free(out.buffer);
  return true;
}

void res_good(Run& run) {
  const Host host(with_allocator());
  const auto session = Session::open(run, host.get());
  if (!session) return;
  const std::string& key = run.key();
  const bool longer = key.ends_with("-long");
  if (key == "buffers") return expect_level(run, "buffers allocated and freed", 50, host, [&] { return one_buffer(*session); });
  auto names = native_mixes(*session);
  if (names.empty()) return;
  std::size_t next = 0;
  if (key.starts_with("lives"))
    return expect_level(run, "models compiled, run and destroyed", longer ? 300 : 60, host, [&] {
      Model model(*session, run.image(names[next++ % names.size()]));
      return model.all(2);
    });
  std::vector<std::unique_ptr<Model>> models;
  for (const std::string& name : names) {
    models.push_back(std::make_unique<Model>(*session, run.image(name)));
    if (!models.back()->all(2)) return;
  }
  if (key == "contexts")
    return expect_level(run, "contexts created and destroyed", 12, host, [&] {
      Model& model = *models[next++ % models.size()];
      model.drop_context();
      return model.make_context() && model.run(1);
    });
  expect_level(run, "runs", longer ? 600 : 36, host, [&] { return models[next++ % models.size()]->run(0); });
}

// ---- RES-02

std::vector<std::string> device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

/// The image with the opcode of its last op unknown: a compile that fails late.
ImageBytes fails_late(Run& run, const std::string& name) {
  const ImageBytes image = run.image(name);
  rlx_lir_image reader;
  if (rlx_lir_open(&reader, image.data(), image.size(), nullptr) != RLX_STATUS_OK) return image;
  const std::uint64_t last = rlx_lir_count(&reader, RLX_LIR_OPS) - 1;
  return with_number<std::uint32_t>(image, record_offset(image, RLX_LIR_OPS, last) + offsetof(rlx_lir_op, opcode), 0x00FFFFF0);
}

void res_bad(Run& run) {
  const Host host(with_allocator());
  const auto bench = Bench::open(run, host.get());
  if (!bench) return;
  std::vector<BadCall> calls = bad_calls(*bench);
  Session* session = bench->session.get();
  const ImageBytes late = fails_late(run, "busy/mix_chain");
  calls.push_back({"compile_lir of an image whose last op is unknown", RLX_STATUS_UNSUPPORTED, [=](rlx_error* error) { return compile_image(*session, late, error); }, ""});
  for (const BadCall& bad : calls) {
    run.phase(bad.name.c_str());
    expect_level(run, "after " + bad.name, 4, host, [&] { return bad.call(nullptr) != RLX_STATUS_OK; });
  }
}

// ---- RES-03

std::uint64_t lines_of(const char* path) {
  std::ifstream file(path);
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

std::uint64_t files_below(const std::string& path) {
  std::uint64_t count = 0;
  DIR* folder = opendir(path.c_str());
  while (const dirent* entry = folder ? readdir(folder) : nullptr)
    if (std::string(entry->d_name) != "." && std::string(entry->d_name) != "..") ++count;
  if (folder) closedir(folder);
  return count;
}

void res_handles(Run& run) {
  const auto library = std::shared_ptr<Library>(Library::load(run));
  if (!library) return;
  const auto cycle = [&](std::size_t turn) {
    const auto session = Session::open(run, library, nullptr);
    if (!session) return false;
    const auto names = native_mixes(*session);
    if (names.empty()) return false;
    Model model(*session, run.image(names[turn % names.size()]));
    auto error = roomy<rlx_error>();
    compile_image(*session, fails_late(run, "add_f32"), &error);
    return model.all(2) && one_buffer(*session);
  };
  for (std::size_t i = 0; i < 12; ++i)
    if (!cycle(i)) return;
  const auto before = ProcessState::now();
  const std::uint64_t mappings = lines_of("/proc/self/maps"), files = files_below(run.folder());
  constexpr std::uint64_t kCycles = 60;
  for (std::size_t i = 0; i < kCycles; ++i)
    if (!cycle(i)) return;
  const auto after = ProcessState::now();
  run.equal("threads after 60 more lives", after.threads, before.threads);
  run.equal("open files after 60 more lives", after.files.size(), before.files.size());
  run.equal("files in the temporary folder after 60 more lives", files_below(run.folder()), files);
  const std::uint64_t now = lines_of("/proc/self/maps");
  run.expect(now < mappings + kCycles / 6, "mappings do not grow with lives", number(mappings) + " before, " + number(now) + " after 60 more");
}

// ---- RES-04

std::vector<std::string> outside_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (facts.usable()) keys.emplace_back("files");
  if (facts.usable() && facts.has_slot("rlx.device/1.memory_stats")) keys.emplace_back("device_memory");
  return keys;
}

std::uint64_t used_bytes(Session& session) {
  auto out = roomy<rlx_memory_stats_out>();
  session.run().phase("memory_stats");
  session.run().status("memory_stats", session.tables().device->memory_stats(session.device(), nullptr, &out, nullptr), RLX_STATUS_OK);
  return out.used_bytes;
}

void device_memory(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const auto names = native_mixes(*session);
  if (names.empty()) return;
  std::vector<std::uint64_t> used;
  for (int round = 0; round < 6; ++round) {
    for (const std::string& name : names) {
      Model model(*session, run.image(name));
      auto error = roomy<rlx_error>();
      if (!model.all(2) || !one_buffer(*session)) return;
      compile_image(*session, fails_late(run, name), &error);
    }
    used.push_back(used_bytes(*session));
  }
  run.expect(used.back() <= used[1], "device memory is where it was once all objects are gone", number(used[1]) + " bytes after two rounds, " + number(used.back()) + " after six");
}

/// Where a plugin has business: drivers and libraries, what the system tells of itself, its own folder, the case's own
/// folder, and what a variable of the environment names.
bool expected_file(const Run& run, const std::string& path, bool writes) {
  for (char** entry = environ; *entry; ++entry) {
    const std::string value = std::string(*entry).substr(std::string(*entry).find('=') + 1);
    if (value.size() > 1 && value[0] == '/' && value.starts_with(path.substr(0, 61)) && path.size() > 8) return true;
  }
  const std::string folder = run.folder(), own = run.plugin().substr(0, run.plugin().rfind('/') + 1);
  if (path.starts_with(folder) || (path[0] != '/' && !path.starts_with(".."))) return true;
  for (const char* prefix : {"/dev/", "/proc/", "/sys/"})
    if (path.starts_with(prefix)) return true;
  if (writes) return false;
  for (const std::string& prefix : {std::string("/etc/"), std::string("/usr/"), std::string("/lib"), std::string("/opt/"), own})
    if (path.starts_with(prefix.substr(0, 61))) return true;
  return false;
}

void files_and_network(Run& run) {
  if (!calls_are_watched()) return run.skip("files are not watched under a sanitizer");
  std::vector<ImageBytes> images;
  for (const char* name : {"busy/mix_dot", "busy/mix_param_dot", "busy/mix_adds"}) images.push_back(run.image(name));
  watch_files(true);
  {
    const auto session = Session::open(run);
    for (const ImageBytes& image : images) {
      if (!session) break;
      Model model(*session, image);
      auto error = roomy<rlx_error>();
      if (model.native() && !model.all(2)) break;
      compile_image(*session, with_number<std::uint64_t>(image, 0, 1), &error);
    }
  }
  watch_files(false);
  std::string unexpected;
  for (const std::string& seen : opened_files()) {
    const bool writes = seen.starts_with("w ");
    const std::string path = writes ? seen.substr(2) : seen;
    if (seen == "net")
      unexpected += "a network socket; ";
    else if (!expected_file(run, path, writes))
      unexpected += (writes ? "to write " : "to read ") + path + "; ";
  }
  run.expect(unexpected.empty(), "no file outside of its business is opened, and no network", unexpected);
}

void res_outside(Run& run) { run.key() == "files" ? files_and_network(run) : device_memory(run); }

constexpr Check kChecks[] = {
    {"RES-01", 5, "Runs, lives of models, contexts and buffers, over and over, keep no memory.", 10, loop_cases, res_good},
    {"RES-02", 5, "Calls that fail, over and over, keep no memory.", 40, device_case, res_bad},
    {"RES-03", 5, "Lives of models and instances keep no descriptor, thread, mapping or temporary file.", 30, device_case, res_handles},
    {"RES-04", 5, "Device memory returns to where it was; no unexpected file is opened, and no network.", 1, outside_cases, res_outside},
};

}  // namespace

std::span<const Check> res_checks() { return kChecks; }

}  // namespace rlx::conform
