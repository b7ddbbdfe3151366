// SPDX-License-Identifier: Apache-2.0
// LIF: loading, opening, closing and ending.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "tools/conform/checks/groups.h"
#include "tools/conform/shared/elf_file.h"
#include "tools/conform/worker/process_state.h"
#include "tools/conform/worker/session.h"
#include "tools/conform/worker/slots.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void lif_loads(Run& run) {
  const ElfDynamic dynamic = elf_dynamic(file_bytes(run.plugin()));
  for (const std::string& name : dynamic.needed) {
    run.phase("load what it needs");
    void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    const char* problem = handle ? nullptr : dlerror();
    if (!run.expect(handle != nullptr, "the library `" + name + "` that it needs can be loaded", problem ? problem : "")) return;
    dlclose(handle);
  }
  const auto library = Library::load(run);
  if (!library) return;
  run.expect(library->answer().descriptor != nullptr, "rlx_plugin_query hands out the descriptor", "null");
  run.equal("the chosen ABI minor", library->answer().abi_minor, RLX_ABI_MINOR);
}

void lif_quiet(Run& run) {
  { const auto before = ProcessState::now(); }  // whatever the first look opens
  const auto before = ProcessState::now();
  const auto library = Library::load(run);
  if (!library) return;
  expect_same_state(run, "after loading", before, ProcessState::now());
  const rlx_query_in in = usual_query();
  const rlx_query_out first = library->answer();
  run.phase("1000 queries");
  const Calls calls = calls_so_far();
  bool same = true;
  for (int i = 0; i < 1000; ++i) {
    auto out = roomy<rlx_query_out>();
    same = same && library->query()(&in, &out, nullptr) == RLX_STATUS_OK && !memcmp(&out, &first, sizeof first);
  }
  const Calls after = calls_so_far();
  run.expect(same, "rlx_plugin_query answers the same every time", "another answer");
  if (calls_are_watched()) {
    run.equal("allocations of 1000 queries", after.allocations - calls.allocations, 0);
    run.equal("threads started by 1000 queries", after.threads - calls.threads, 0);
  }
  expect_same_state(run, "after 1000 queries", before, ProcessState::now());
}

/// Instance and device, opened and closed; false where it fails.
bool open_and_close(Run& run, const std::shared_ptr<Library>& library) { return Session::open(run, library, nullptr) != nullptr; }

void lif_two(Run& run);

std::vector<std::string> cycle_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"200", "two"} : std::vector<std::string>{};
}

void lif_cycles(Run& run) {
  if (run.key() == "two") return lif_two(run);
  if (!run.facts().usable()) return run.skip("the survey could not open device 0");
  const std::shared_ptr<Library> library = Library::load(run);
  if (!library) return;
  for (int i = 0; i < 20; ++i)
    if (!open_and_close(run, library)) return;
  const auto before = ProcessState::now();
  const Calls start = calls_so_far();
  for (int i = 0; i < 180; ++i)
    if (!open_and_close(run, library)) return;
  const Calls end = calls_so_far();
  expect_same_state(run, "after 180 more open and close", before, ProcessState::settled(before));
  const auto kept = static_cast<std::int64_t>(end.allocations - start.allocations) - static_cast<std::int64_t>(end.frees - start.frees);
  // The phases that are told allocate nothing that stays; a plugin may keep a little, once.
  if (calls_are_watched()) run.expect(kept < 90, "memory does not grow with open and close", std::to_string(kept) + " allocations are kept after 180 cycles");
}

void lif_two(Run& run) {
  const auto first = Session::open(run);
  if (!first) return;
  const auto second = Session::open(run, first->shared_library(), nullptr);
  if (!second) return;
  run.expect(first->instance() != second->instance(), "two instances are two objects", "one pointer");
  auto model = runnable(*second);
  if (!model || !model->all()) return;
  const std::string right = model->outputs();
  first->close();
  if (!model->run(1)) return;
  run.same_bytes("a run after another instance was closed", model->outputs().data(), right.data(), right.size());
}

// ---- Orders of destruction

/// c context, x executable, s set, b buffer: every order in which the context goes before its executable.
std::vector<std::string> destroy_orders(const Facts& facts, Profile) {
  std::vector<std::string> out;
  if (!facts.usable()) return out;
  std::string order = "bcsx";
  do {
    if (order.find('c') < order.find('x')) out.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  out.push_back("heir");
  return out;
}

void destroy(Bench& bench, char what, rlx_param_set*& set, rlx_executable* executable, rlx_context* context) {
  if (what == 'c') bench.tables().execute->context_destroy(context);
  if (what == 'x') bench.tables().compile->executable_destroy(executable);
  if (what == 'b') bench.tables().buffer->free(std::exchange(bench.buffer, nullptr));
  if (what == 's') bench.tables().params->destroy(std::exchange(set, nullptr));
}

/// A base set goes first; its heir still serves.
void base_before_heir(Run& run, Bench& bench) {
  const SlotDriver* usage = slot_driver("rlx.params/1.usage");
  if (!usage->ready(bench, nullptr)) return;
  rlx_param_set* const base = std::exchange(bench.set, nullptr);
  rlx_params_create_in in = sized<rlx_params_create_in>();
  in.count = 1;
  in.base = base;
  auto out = roomy<rlx_params_create_out>();
  run.phase("params.create");
  if (!run.status("params.create with a base", bench.tables().params->create(bench.session->device(), &in, &out, nullptr), RLX_STATUS_OK)) return;
  run.phase("params.destroy");
  bench.tables().params->destroy(base);
  run.phase("params.seal");
  run.status("seal of the heir", bench.tables().params->seal(out.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  auto now = roomy<rlx_usage_out>();
  run.phase("params.usage");
  run.status("usage of the heir", bench.tables().params->usage(out.set, nullptr, &now, nullptr), RLX_STATUS_OK);
  run.phase("params.destroy");
  bench.tables().params->destroy(out.set);
  run.equal("drops after the last heir has gone", static_cast<std::uint64_t>(bench.drops), 1);
}

void lif_orders(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  if (run.key() == "heir") return base_before_heir(run, *bench);
  const SlotDriver* prepare = slot_driver("rlx.params/1.prepare");
  const SlotDriver *compile = slot_driver("rlx.compile/1.compile_lir"), *create = slot_driver("rlx.execute/1.context_create");
  rlx_compile_in compile_in;
  rlx_context_create_in create_in;
  rlx_prepare_in prepare_in;
  auto compiled = roomy<rlx_compile_out>();
  auto created = roomy<rlx_context_create_out>();
  run.phase("compile");
  compile->ready(*bench, &compile_in);
  if (!run.status("compile_lir", compile->call(*bench, &compile_in, &compiled, nullptr), RLX_STATUS_OK)) return;
  run.phase("context_create");
  create->ready(*bench, &create_in);
  if (!run.status("context_create", bench->tables().execute->context_create(compiled.executable, &create_in, &created, nullptr), RLX_STATUS_OK)) return;
  rlx_param_set* set = nullptr;
  if (prepare->ready(*bench, &prepare_in)) set = std::exchange(bench->set, nullptr);
  for (const char what : run.key()) {
    run.phase(text("destroy '%c' of the order %s", what, run.key().c_str()).c_str());
    destroy(*bench, what, set, compiled.executable, created.context);
  }
  run.phase("run another model afterwards");
  run.expect(bench->model->run(3), "the device still runs", "it does not");
}

// ---- End

void lif_end(Run& run) {
  { const auto warm = ProcessState::now(); }
  const bool safe = (run.facts().plugin_flags & RLX_PLUGIN_FLAG_UNLOAD_SAFE) != 0;
  const auto before = ProcessState::now();
  const int rounds = safe ? 10 : 1;
  for (int round = 0; round < rounds; ++round) {
    auto session = Session::open(run);
    if (!session) return;
    auto model = runnable(*session);
    if (!model || !model->all()) return;
    model.reset();
    const auto library = session->shared_library();
    session.reset();
    expect_same_state(run, "after close", before, ProcessState::settled(before));
    run.phase("dlclose");
    if (safe) run.expect(library->unload(), "dlclose answers 0", "an error");
  }
}

/// Objects stay alive at the end of the process, in the "running" case with a thread that still executes.
std::vector<std::string> exit_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"idle", "running"} : std::vector<std::string>{};
}

void lif_exit(Run& run) {
  auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session);
  if (!model || !model->all()) return;
  if (run.key() == "running") {
    const rlx_execute_1* execute = session->tables().execute;
    std::thread([execute, owner = model.get()] {
      const rlx_execute_in in = owner->execute_in();
      for (;;) execute->execute(owner->context(), &in, nullptr, nullptr);
    }).detach();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Never closed: the process ends with them.
  static_cast<void>(model.release());
  static_cast<void>(session.release());
}

constexpr Check kChecks[] = {
    {"LIF-01", 1, "It loads with RTLD_NOW | RTLD_LOCAL, with nothing but the libraries it names, and answers the handshake.", 4, one_case, lif_loads},
    {"LIF-02", 1, "Loading and asking is quiet: no thread, file, output, handler, locale, limit or environment changes; a query allocates nothing and answers the same.", 20, one_case, lif_quiet},
    {"LIF-03", 1, "Opening and closing 200 times leaves nothing behind; two instances are independent.", 200, cycle_cases, lif_cycles},
    {"LIF-04", 1, "Objects may be destroyed in every order that the contract permits; a base set before its heirs.", 50,
     destroy_orders, lif_orders},
    {"LIF-05", 1, "After close no thread and no file of the plugin is left; where it says so, it unloads and loads again.", 10, one_case, lif_end},
    {"LIF-06", 1, "The process ends in time and with its own status while objects are alive and a run is under way.", 4, exit_cases, lif_exit},
};

}  // namespace

std::span<const Check> lif_checks() { return kChecks; }

}  // namespace rlx::conform
