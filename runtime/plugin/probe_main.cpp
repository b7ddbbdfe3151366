// SPDX-License-Identifier: Apache-2.0
// rlx-probe FILE EPOCH MAJOR MINOR_MIN MINOR_MAX LIR_MIN LIR_MAX: loads a plugin and says on descriptor 3
// whether it answers. Started by the runtime; of no use by hand.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/plugin/probe.h"
#include "runtime/plugin/probe_process.h"

namespace {

std::uint32_t number(const char* text) { return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)); }

void leave_no_trace() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  leave_no_trace();
  rlx::HostVersions host;
  host.abi_epoch = number(argv[2]);
  host.abi_major = number(argv[3]);
  host.abi_minor_min = number(argv[4]);
  host.abi_minor_max = number(argv[5]);
  host.lir_version_min = number(argv[6]);
  host.lir_version_max = number(argv[7]);
  // Exit handlers of the plugin run too: a file that crashes there would crash the host at its end.
  return rlx::run_probe(argv[1], host, rlx::kVerdictFd);
}
