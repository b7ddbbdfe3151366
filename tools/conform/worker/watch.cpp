// SPDX-License-Identifier: Apache-2.0
// The functions of libc that are taken over. glibc's own are reached by their second names or by dlsym.
#include "tools/conform/worker/watch.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/conform/worker/frames.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RLX_CONFORM_WATCH 0
#else
#define RLX_CONFORM_WATCH 1
#endif

extern char** environ;

namespace rlx::conform {
namespace {

struct Names {
  char text[64][64];
  std::atomic<unsigned> count{0};
  void add(const char* name) {
    if (!name) return;
    const unsigned seen = count.load(std::memory_order_relaxed);
    for (unsigned i = 0; i < seen && i < 64; ++i)
      if (!std::strncmp(text[i], name, 63)) return;
    const unsigned at = count.fetch_add(1, std::memory_order_relaxed);
    if (at < 64) std::strncpy(text[at], name, 63);
  }
  std::vector<std::string> list() const {
    std::vector<std::string> out;
    for (unsigned i = 0; i < 64 && i < count.load(); ++i) out.emplace_back(text[i]);
    return out;
  }
};

std::atomic<std::uint64_t> allocations{0}, frees{0}, getenvs{0}, dlopens{0}, threads{0};
std::atomic<bool> getenv_watched{false}, files_watched{false};
Names asked, opened, files;
thread_local std::uint64_t until_failure = 0, failures_left = 0;
thread_local bool failed = false;
bool leaving = false;

void tell_end(const char* what) {
  if (leaving) return;
  char text[128];
  std::strcpy(text, what);
  std::strcat(text, " in phase ");
  std::strncat(text, current_phase(), 63);
  write_frame(FrameKind::kEnded, text);
}

}  // namespace

bool calls_are_watched() { return RLX_CONFORM_WATCH != 0; }
Calls calls_so_far() { return {allocations, frees, getenvs, dlopens, threads}; }
void watch_getenv(bool on) { getenv_watched = on; }
std::vector<std::string> getenv_names() { return asked.list(); }
std::vector<std::string> dlopen_names() { return opened.list(); }
void watch_files(bool on) { files_watched = on; }
std::vector<std::string> opened_files() { return files.list(); }

void leave(int code) {
  leaving = true;
  std::exit(code);
}

namespace {

/// Where the dynamic loader lies. It ends the process where memory for thread-local data is refused; no plugin can help.
struct Loader {
  std::uintptr_t begin = 0, end = 0;
};
int find_loader(dl_phdr_info* info, std::size_t, void* out) {
  if (!std::strstr(info->dlpi_name, "/ld-")) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
    static_cast<Loader*>(out)->begin = info->dlpi_addr + segment.p_vaddr;
    static_cast<Loader*>(out)->end = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
  }
  return 1;
}
Loader loader;
bool is_loader(const void* caller) {
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  return address >= loader.begin && address < loader.end;
}

/// Counts; true where this one is to fail.
[[maybe_unused]] bool allocation_fails(const void* caller) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (!failures_left || is_loader(caller)) return false;
  if (until_failure > 1) return --until_failure, false;
  --failures_left;
  failed = true;
  errno = ENOMEM;
  return true;
}

/// `path` as it was given; cut where it is long.
[[maybe_unused]] void note_file(const char* path, bool writes) {
  if (!files_watched || !path) return;
  char text[64] = "";
  if (writes) std::strcpy(text, "w ");
  std::strncat(text, path, sizeof text - 3);
  files.add(text);
}
[[maybe_unused]] bool may_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT); }

template <class Function>
[[maybe_unused]] Function* next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  Function* function;
  std::memcpy(&function, &found, sizeof function);
  return function;
}
}  // namespace

FailAllocation::FailAllocation(std::uint64_t k, std::uint64_t count) {
  if (!loader.end) dl_iterate_phdr(find_loader, &loader);
  until_failure = k;
  failures_left = k ? count : 0;
  failed = false;
}
FailAllocation::~FailAllocation() { until_failure = failures_left = 0; }
bool FailAllocation::fired() const { return failed; }

}  // namespace rlx::conform

#if RLX_CONFORM_WATCH
#define RLX_TAKEN extern "C" __attribute__((visibility("default")))
// NOLINTBEGIN: the signatures are libc's.
extern "C" void* __libc_malloc(size_t);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);
extern "C" void __libc_free(void*);

namespace rc = rlx::conform;

RLX_TAKEN void* malloc(size_t bytes) noexcept { return rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(bytes); }
RLX_TAKEN void* calloc(size_t count, size_t bytes) noexcept {
  return rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, bytes);
}
RLX_TAKEN void* realloc(void* memory, size_t bytes) noexcept {
  // Moving is neither a new allocation nor a free; but it may fail.
  if (memory) {
    rc::allocations.fetch_sub(1, std::memory_order_relaxed);
    if (!bytes) rc::frees.fetch_add(1, std::memory_order_relaxed);
  }
  return rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, bytes);
}
RLX_TAKEN void* memalign(size_t alignment, size_t bytes) noexcept {
  return rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, bytes);
}
RLX_TAKEN void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  return rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, bytes);
}
RLX_TAKEN int posix_memalign(void** out, size_t alignment, size_t bytes) noexcept {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1))) return EINVAL;
  void* memory = rc::allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, bytes);
  if (!memory) return ENOMEM;
  *out = memory;
  return 0;
}
RLX_TAKEN void free(void* memory) noexcept {
  if (memory) rc::frees.fetch_add(1, std::memory_order_relaxed);
  __libc_free(memory);
}

RLX_TAKEN char* getenv(const char* name) noexcept {
  rc::getenvs.fetch_add(1, std::memory_order_relaxed);
  if (rc::getenv_watched) rc::asked.add(name);
  const size_t size = std::strlen(name);
  for (char** entry = environ; entry && *entry; ++entry)
    if (!std::strncmp(*entry, name, size) && (*entry)[size] == '=') return *entry + size + 1;
  return nullptr;
}
RLX_TAKEN char* secure_getenv(const char* name) noexcept { return getenv(name); }

// Optimised, the call is a jump, so that libc sees the plugin as the caller and looks where the plugin's own paths say.
RLX_TAKEN void* dlopen(const char* name, int mode) noexcept {
  static auto* const real = rc::next<void*(const char*, int)>("dlopen");
  rc::dlopens.fetch_add(1, std::memory_order_relaxed);
  rc::opened.add(name);
  return real(name, mode);
}

// The mode is read where there is one; where there is none it is any number, which nobody looks at.
RLX_TAKEN int open(const char* path, int flags, ...) {
  static auto* const real = rc::next<int(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  rc::note_file(path, rc::may_write(flags));
  return real(path, flags, mode);
}
RLX_TAKEN int open64(const char* path, int flags, ...) {
  static auto* const real = rc::next<int(const char*, int, ...)>("open64");
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  rc::note_file(path, rc::may_write(flags));
  return real(path, flags, mode);
}
RLX_TAKEN int openat(int folder, const char* path, int flags, ...) {
  static auto* const real = rc::next<int(int, const char*, int, ...)>("openat");
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  rc::note_file(path, rc::may_write(flags));
  return real(folder, path, flags, mode);
}
RLX_TAKEN int creat(const char* path, mode_t mode) {
  static auto* const real = rc::next<int(const char*, mode_t)>("creat");
  rc::note_file(path, true);
  return real(path, mode);
}
RLX_TAKEN FILE* fopen(const char* path, const char* how) {
  static auto* const real = rc::next<FILE*(const char*, const char*)>("fopen");
  rc::note_file(path, std::strpbrk(how, "wa+") != nullptr);
  return real(path, how);
}
RLX_TAKEN FILE* fopen64(const char* path, const char* how) {
  static auto* const real = rc::next<FILE*(const char*, const char*)>("fopen64");
  rc::note_file(path, std::strpbrk(how, "wa+") != nullptr);
  return real(path, how);
}
RLX_TAKEN int socket(int domain, int type, int protocol) noexcept {
  static auto* const real = rc::next<int(int, int, int)>("socket");
  if (rc::files_watched && domain != AF_UNIX && domain != AF_NETLINK) rc::files.add("net");
  return real(domain, type, protocol);
}

RLX_TAKEN int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  static auto* const real =
      rc::next<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  rc::threads.fetch_add(1, std::memory_order_relaxed);
  return real(thread, attributes, body, argument);
}

RLX_TAKEN void abort() noexcept {
  static auto* const real = rc::next<void()>("abort");
  rc::tell_end("abort was called");
  real();
  __builtin_unreachable();
}
RLX_TAKEN void exit(int code) noexcept {
  static auto* const real = rc::next<void(int)>("exit");
  rc::tell_end("exit was called");
  real(code);
  __builtin_unreachable();
}
RLX_TAKEN void _exit(int code) {
  static auto* const real = rc::next<void(int)>("_exit");
  rc::tell_end("_exit was called");
  real(code);
  __builtin_unreachable();
}
// NOLINTEND
#endif
