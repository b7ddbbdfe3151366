// SPDX-License-Identifier: Apache-2.0
// LIF: loading, opening, closing and ending.
#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/session.h"

namespace rlx::conform {
namespace {

void lif_loads(Run& run) {
  const auto library = Library::load(run);
  if (!library) return;
  run.expect(library->answer().descriptor != nullptr, "rlx_plugin_query hands out the descriptor", "null");
  run.equal("the chosen ABI minor", library->answer().abi_minor, RLX_ABI_MINOR);
}

constexpr Check kChecks[] = {
    {"LIF-01", 1, "It loads with RTLD_NOW | RTLD_LOCAL, with nothing but the libraries it names, and answers the handshake.", 4, one_case, lif_loads},
};

}  // namespace

std::span<const Check> lif_checks() { return kChecks; }

}  // namespace rlx::conform
