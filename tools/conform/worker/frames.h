// SPDX-License-Identifier: Apache-2.0
// Writes the worker's stream. Neither allocates nor locks, so that signal handlers and interposed functions may call it.
#pragma once

#include <string_view>

#include "tools/conform/shared/protocol.h"

namespace rlx::conform {

void write_frame(FrameKind kind, std::string_view payload);
/// The phase as handlers see it; at most 63 bytes are kept.
void set_phase(std::string_view phase);
const char* current_phase();
/// Signals that end the process are told to the controller first, from a stack of their own.
void tell_signals();

}  // namespace rlx::conform
