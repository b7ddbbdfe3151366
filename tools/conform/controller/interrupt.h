// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its like. A signal ends nothing at once: what was started is stopped, folders are taken away, and the run
// ends with one line.
#pragma once

#include <string>

namespace rlx::conform {

/// From now on SIGHUP, SIGINT, SIGPIPE and SIGTERM are only taken note of. Programs that are started later see none of this.
void catch_interrupts();
/// The first of these signals that came, 0 = none. Any thread.
int interrupted();
/// "SIGINT".
std::string signal_text(int signal);
/// For tests: as if `signal` had come, or 0, none.
void set_interrupted(int signal);

}  // namespace rlx::conform
