// SPDX-License-Identifier: Apache-2.0
// The objects behind the handles, and the tables of the interfaces.
#pragma once

#include <pthread.h>
#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/device.h>
#include <rlx/execute.h>
#include <rlx/ext/artifact.h>
#include <rlx/params.h>
#include <rlx/plugin.h>

#include "program.h"

namespace rlx_c0 {

/// What a compile or a query was asked for; the defaults are a build option.
struct Options {
  uint32_t precision = RLX_PRECISION_F32;
#ifdef RLX_C0_OWN
  bool own_plan = true;
#else
  bool own_plan = false;
#endif
#ifdef RLX_C0_EXPAND
  bool expand = true;
#else
  bool expand = false;
#endif
};
/// Errors: INVALID_ARGUMENT naming the key.
int32_t read_options(Options* out, const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                     rlx_error* error);
/// Of slots that know no option.
int32_t no_options(const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                   rlx_error* error);

struct Lock {
  pthread_mutex_t* mutex;
  explicit Lock(pthread_mutex_t* m) : mutex(m) { pthread_mutex_lock(mutex); }
  ~Lock() { pthread_mutex_unlock(mutex); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

/// A number that no other call in this process gets.
uint64_t unique_id();

/// One put entry, shared by the sets that have it; `drop` runs when the last of them lets go.
struct Source {
  uint32_t references;  ///< atomic
  uint32_t dtype;
  uint32_t rank;
  int64_t dims[RLX_MAX_RANK];
  const char* data;
  uint64_t bytes;
  uint64_t id;
  void* copy;  ///< owned, where the host's bytes are not aligned to their elements
  void (*drop)(void* user);
  void* drop_user;
};

/// A weight [rows, columns] of which the columns lie together. Under its device's mutex, its bytes apart.
struct Pack {
  uint32_t references;
  uint64_t source;
  int64_t rows, columns;
  char* data;
  uint64_t bytes;
  Pack* next;
};

/// Which param an executable wants packed.
struct PackRecipe {
  uint32_t param;
  int64_t rows, columns;
};

/// Tells a set whether an executable is still there.
struct Token {
  uint32_t references;  ///< atomic
  bool alive;           ///< atomic
};

/// What one executable reads of one set, by its own numbers.
struct Prepared {
  uint64_t executable;
  Token* token;
  uint32_t pack_count;
  const char** data;
  Pack** packs;
  Prepared* next;
};

extern const rlx_device_1 kDeviceTable;
extern const rlx_buffer_1 kBufferTable;
extern const rlx_params_1 kParamsTable;
extern const rlx_compile_1 kCompileTable;
extern const rlx_execute_1 kExecuteTable;
extern const rlx_artifact_1 kArtifactTable;

constexpr char kVersion[] = "0.1.0";
/// Of the only device.
constexpr rlx_hash128 kFingerprint = {0x6330203100000001u, 1};

int32_t device_claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error);
int32_t device_query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error);
/// The kernel of an op that judge() calls native; null for control flow.
Run kernel_of(const rlx_lir_op& op);
/// Room for the views of one op.
struct OpViews {
  View* in;
  View* out;
};
Answer judge(const Program& program, const Options& options, uint32_t index, const OpViews& room);
bool is_control(const rlx_lir_op& op);

/// Where the host's call stands before a long slot: OK, CANCELLED or DEADLINE.
int32_t open_watch(Watch* watch, rlx_call* own, const rlx_call* call, const char* what, rlx_error* error);
int32_t fail_stopped(int32_t status, const char* what, rlx_error* error);

/// An executable laid out for the image of `in`; its options, limits and call are the caller's to look at.
int32_t make_executable(rlx_device* device, const rlx_compile_in& in, const Options& options, Watch* watch,
                        rlx_executable** out, rlx_error* error);

/// The device outlives its close while buffers, sets or executables of it are there.
void hold_device(rlx_device* device);
void drop_device(rlx_device* device);

/// The entry of a set that a run of the executable reads from; null where it was not prepared. Under the
/// set's mutex.
Prepared* find_prepared(rlx_param_set* set, const rlx_executable* executable);

}  // namespace rlx_c0

struct rlx_plugin {
  uint32_t abi_minor;
};

/// Lives as long as anything that was made on it.
struct rlx_device {
  uint32_t references;    ///< atomic
  pthread_mutex_t mutex;  ///< guards packs
  rlx_c0::Pack* packs;
  uint64_t used_bytes;  ///< atomic: buffers and packs
};

struct rlx_buffer {
  rlx_device* device;
  char* data;
  uint64_t bytes;
  void* owned;  ///< null where host memory was imported
};

struct rlx_executable {
  rlx_device* device;
  uint64_t id;
  rlx_c0::Token* token;
  void* bytes;  ///< of the image
  rlx_c0::Program program;
  uint32_t plan;
  rlx_arena_info* arenas;
  uint32_t arena_count;
  uint32_t inner_arena;  ///< index of the plugin's own, or RLX_NO_INDEX
  uint64_t inner_bytes;
  uint64_t scratch;        ///< offset in the inner arena
  uint64_t* home;          ///< per value: offset in the inner arena, or kNowhere
  uint64_t* stage;         ///< per op: offset of room for its operands, or kNowhere
  uint64_t* output_stage;  ///< per output that is state: offset of where it is made, else kNowhere
  uint32_t* operand_pack;  ///< per entry of the u32 pool: number of a recipe, or RLX_NO_INDEX
  rlx_c0::PackRecipe* packs;
  uint32_t pack_count;
  uint64_t pack_key;
  rlx_c0::Options options;
  bool imported;  ///< home, stage, output_stage and operand_pack lie in the host's artifact
  void (*drop)(void* user);
  void* drop_user;
};

struct rlx_param_set {
  rlx_device* device;
  uint32_t count;
  rlx_c0::Source** entries;
  bool* put;    ///< into this very set
  bool sealed;  ///< atomic
  pthread_mutex_t mutex;
  rlx_c0::Prepared* prepared;  ///< under the mutex
};

namespace rlx_c0 {
constexpr uint64_t kNowhere = UINT64_MAX;
}  // namespace rlx_c0
