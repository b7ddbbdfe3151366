// SPDX-License-Identifier: Apache-2.0
// How to add a check to the conformance tool.
//
// 1. A group is one file, checks/GROUP.cpp (more where it grows past a screen or ten). Write a function per check,
//        void abi_unknown_id(Run& run) {
//          auto session = Session::open(run);                 // worker/session.h: library, tables, device 0
//          if (!session) return;                              // the reason is reported already
//          run.phase("get_interface");                        // the call in flight, should the process end here
//          const void* table = session->answer().get_interface(text("rlx.nothing/9"));
//          run.expect(table == nullptr, "null for an unknown id", "a table");
//        }
//    and a row in the group's table: id, level, sentence, floor, cases, run. The row is what `--list` prints.
// 2. Name the group in checks/catalogue.cpp and its file in checks/CMakeLists.txt; docs/conformance.md is made by
//    `rlx conform --list markdown`, and a test compares.
// 3. Write the faulty plugin that the check kills. A check that kills nothing is not merged.
//
// Rules
// - `cases` lists the keys of the cases from the facts of the survey: pure, never calls the plugin, no ':' or blank in
//   a key. Each case runs in a process of its own: run(Run&) reads run.key() and run.seed() (hash of master seed,
//   check and key) and may leak, crash or hang; the controller sees which phase was in flight.
// - Every expectation goes through run.expect / run.equal / run.same_bytes: they count. A case without assertions is
//   WEAK, and a check whose cases together make fewer than `floor` makes the whole run vacuous (exit 5).
// - What the plugin does not offer is run.unsupported(why); what the machine does not offer is run.skip(why). Neither
//   is for a crash, and a case that has failed stays failed.
// - The worker knows the plugin headers and the registry table alone. Images come from the controller: run.image("add_f32")
//   (controller/stock.cpp makes them); worker/model.h compiles and runs one with guarded memory around every tensor.
// - Helpers: worker/memory.h (guard pages, canaries), worker/host.h (counting host services), worker/watch.h (what the
//   plugin asked of libc: malloc, getenv, dlopen, threads, abort, exit), worker/slots.h (every slot with a good call).
//
// Numeric checks (OPS, CAP-01, WGT, MEM, DET) are of the other kind: numeric/numeric.h. There the controller makes image
// and data, the worker only runs them, a reference process computes what is right, and the controller compares.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/conform/shared/facts.h"
#include "tools/conform/worker/run.h"

namespace rlx::conform {

struct Check {
  const char* id;        ///< "ABI-03"; the group is what stands before '-'
  int level;             ///< of the plugin: 1 loads, 2 safe, 3 correct, 4 composes, 5 robust, 6 fast; 0: the badge `hardened`
  const char* sentence;  ///< what holds where the check passes
  std::uint64_t floor;   ///< assertions that its cases together make at least, where it has cases
  std::vector<std::string> (*cases)(const Facts& facts, Profile profile);
  void (*run)(Run& run);
};

/// All groups, in the order of the report.
std::vector<std::span<const Check>> catalogue();
/// Null where there is none.
const Check* find_check(const std::string& id);

/// For checks of one case.
inline std::vector<std::string> one_case(const Facts&, Profile) { return {"all"}; }

}  // namespace rlx::conform
