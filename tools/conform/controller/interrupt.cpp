// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/interrupt.h"

#include <csignal>

#include <atomic>

namespace rlx::conform {
namespace {

std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void note(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGHUP, SIGINT, SIGPIPE, SIGTERM}) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    // What nohup or a shell's background has silenced stays silent.
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

int interrupted() { return first_signal.load(); }

void set_interrupted(int signal) { first_signal.store(signal); }

std::string signal_text(int signal) {
  switch (signal) {
    case SIGHUP:
      return "SIGHUP";
    case SIGINT:
      return "SIGINT";
    case SIGPIPE:
      return "SIGPIPE";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "signal " + std::to_string(signal);
  }
}

}  // namespace rlx::conform
