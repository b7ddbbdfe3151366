// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/frames.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace rlx::conform {
namespace {

char phase_text[64] = "start";
constexpr int kTold[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTERM};
constexpr std::size_t kStackBytes = 128 << 10;

/// "libx.so+0x12f0": the module by its file name.
int describe(char* out, std::size_t room, void* address) {
  Dl_info info{};
  if (!dladdr(address, &info) || !info.dli_fname) return std::snprintf(out, room, "  %p\n", address);
  const char* slash = std::strrchr(info.dli_fname, '/');
  const auto offset = static_cast<unsigned long>(static_cast<char*>(address) - static_cast<char*>(info.dli_fbase));
  return std::snprintf(out, room, "  %s+0x%lx%s%s\n", slash ? slash + 1 : info.dli_fname, offset,
                       info.dli_sname ? " " : "", info.dli_sname ? info.dli_sname : "");
}

void on_signal(int number, siginfo_t* info, void*) {
  char text[2048];
  int at = std::snprintf(text, sizeof text, "signal %d (%s), address %p\n", number, strsignal(number), info->si_addr);
  void* stack[24];
  const int depth = backtrace(stack, 24);
  for (int i = 2; i < depth && at < static_cast<int>(sizeof text) - 160; ++i)
    at += describe(text + at, sizeof text - static_cast<std::size_t>(at), stack[i]);
  if (at > static_cast<int>(sizeof text)) at = sizeof text;
  write_frame(FrameKind::kCrash, {text, static_cast<std::size_t>(at)});
  signal(number, SIG_DFL);
  raise(number);
}

}  // namespace

void write_frame(FrameKind kind, std::string_view payload) {
  const int before = errno;
  const FrameHead head{kFrameMagic, static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(payload.size())};
  iovec parts[2] = {{const_cast<FrameHead*>(&head), sizeof head}, {const_cast<char*>(payload.data()), payload.size()}};
  int first = 0;
  while (first < 2) {
    const ssize_t written = ::writev(kReportFd, parts + first, 2 - first);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    auto left = static_cast<std::size_t>(written);
    while (first < 2 && left >= parts[first].iov_len) left -= parts[first++].iov_len;
    if (first < 2) parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + left, parts[first].iov_len -= left;
  }
  errno = before;
}

void set_phase(std::string_view phase) {
  const std::size_t size = phase.size() < sizeof phase_text - 1 ? phase.size() : sizeof phase_text - 1;
  std::memcpy(phase_text, phase.data(), size);
  phase_text[size] = 0;
}

const char* current_phase() { return phase_text; }

void tell_signals() {
  void* stack[2];
  backtrace(stack, 2);  // loads what it needs now, not in the handler
  stack_t alternate{};
  alternate.ss_size = kStackBytes;
  alternate.ss_sp = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (alternate.ss_sp == MAP_FAILED || sigaltstack(&alternate, nullptr) != 0) return;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int number : kTold) sigaction(number, &action, nullptr);
}

}  // namespace rlx::conform
