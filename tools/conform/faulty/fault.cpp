// SPDX-License-Identifier: Apache-2.0
// The counter of a defect in memory shared with who looks at it, and its notes. In no build of C0.
#include "fault.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace rlx_c0 {
namespace {

constexpr uint64_t kMostNotes = 4096;

uint64_t unseen;
uint64_t* counter = &unseen;
pthread_once_t opened = PTHREAD_ONCE_INIT;
pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;

struct Entry {
  uint64_t key;
  bool used;
  FaultNote note;
};
Entry notes[kMostNotes];

void open_counter() {
  const char* path = getenv("RLX_FAULT_COUNTER");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* memory = mmap(nullptr, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) counter = static_cast<uint64_t*>(memory);
}

}  // namespace

void fault_reached() {
  pthread_once(&opened, open_counter);
  __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

FaultNote* fault_note(uint64_t key) {
  pthread_mutex_lock(&noting);
  uint64_t at = key * 0x9E3779B97F4A7C15u % kMostNotes, tries = 0;
  while (notes[at].used && notes[at].key != key && ++tries < kMostNotes) at = (at + 1) % kMostNotes;
  notes[at].used = true;
  notes[at].key = key;
  pthread_mutex_unlock(&noting);
  return &notes[at].note;
}

}  // namespace rlx_c0
