/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest complete backend, to copy: every required function, strict in every rule of the contract; ops.h has the
   arithmetic. It computes in host memory on the caller's thread. C11 that also compiles as C++17:
     cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden plugin.c -o plain.so -lm */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, posix_memalign, sysconf */
#include <rlx/author_host.h>

#include "ops.h"

#define PLUGIN_ID "org.example.plain"
#define PLUGIN_NAME "Plain"
#define PLUGIN_VENDOR "Example"
#define PLUGIN_VERSION "0.1.0"
#define PLUGIN_KIND "plain"
#define MINOR 1u /* the ABI minor whose fields this file reads; newer headers do not change it */

static const rlx_descriptor_note note RLX_DESCRIPTOR_SECTION = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {"RLXPLUG", RLX_DESCRIPTOR_BYTES, RLX_DESCRIPTOR_VERSION, RLX_ABI_EPOCH, RLX_ABI_MAJOR, MINOR, MINOR, 1, 1, 0,
     RLX_PLUGIN_FLAG_UNLOAD_SAFE, RLX_AUTHOR_SANITIZER, 1, {0, 0},
     PLUGIN_ID, PLUGIN_NAME, PLUGIN_VENDOR, PLUGIN_VERSION, {PLUGIN_KIND}, {""}, {0}}};

struct rlx_plugin { char unused; }; /* what all devices share; one instance knows nothing of another */
struct rlx_device { rlx_plugin* plugin; };
struct rlx_executable {
  rlx_device* device;
  uint64_t id; /* no other executable of the process has or had it */
  void* bytes; /* a copy of the image, which `image` reads */
  rlx_lir_image image;
  uint32_t step_count;
  step* steps;
  uint64_t* offsets; /* of each temporary in the arena */
  rlx_arena_info arena;
};
struct rlx_context { const rlx_executable* executable; char *arena, **tensors; /* inputs, then outputs */ };

/* ---- rlx.plugin/1, rlx.device/1 ------------------------------------------------------------------------------------- */
static int32_t plugin_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) {
  rlx_open_in own;
  rlx_open_out made = {sizeof made, 0, NULL};
  int32_t status = RLX_AUTHOR_BEGIN("open", &note, own, 32, 16);
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("open"))) return status;
  if (!(made.plugin = (rlx_plugin*)calloc(1, sizeof *made.plugin))) return RLX_AUTHOR_NO_MEMORY("open");
  return RLX_AUTHOR_WRITE(made, 16);
}
static void plugin_close(rlx_plugin* plugin) { free(plugin); }
static int32_t device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error) {
  uint32_t none;
  rlx_device_count_out made = {sizeof made, 1, ""};
  const int32_t status = RLX_AUTHOR_BEGIN("device_count", plugin, none, 4, 520);
  return status ? status : RLX_AUTHOR_WRITE(made, 520);
}
static int32_t device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out, rlx_error* error) {
  rlx_device_info_in own;
  rlx_device_info_out made = {sizeof made, RLX_DEVICE_FLAG_HOST_MEMORY | RLX_DEVICE_FLAG_FORK_SAFE, PLUGIN_KIND,
                              "one thread", PLUGIN_KIND ":0", 0, 0, 64, 0};
  const int32_t status = RLX_AUTHOR_BEGIN("device_info", plugin, own, 8, 240);
  if (status) return status;
  if (own.ordinal) return RLX_AUTHOR_FAIL(NOT_FOUND, own.ordinal, "device_info: no device %u, there is 1", own.ordinal);
  made.memory_bytes = made.max_alloc_bytes = rlx_author_host_bytes();
  return RLX_AUTHOR_WRITE(made, 240);
}
static int32_t device_open(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out, rlx_error* error) {
  rlx_device_open_in own;
  rlx_device_open_out made = {sizeof made, 0, NULL};
  int32_t status = RLX_AUTHOR_BEGIN("device open", plugin, own, 24, 16);
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("device open"))) return status;
  if (own.ordinal) return RLX_AUTHOR_FAIL(NOT_FOUND, own.ordinal, "device open: no device %u, there is 1", own.ordinal);
  if (!(made.device = (rlx_device*)calloc(1, sizeof *made.device))) return RLX_AUTHOR_NO_MEMORY("device open");
  made.device->plugin = plugin;
  return RLX_AUTHOR_WRITE(made, 16);
}
static void device_close(rlx_device* device) { free(device); }
static int32_t fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error) {
  uint32_t none;
  rlx_fingerprint_out made = {sizeof made, 0, PLUGIN_KIND " " PLUGIN_VERSION, {1, 0}};
  const int32_t status = RLX_AUTHOR_BEGIN("fingerprint", device, none, 4, 152);
  return status ? status : RLX_AUTHOR_WRITE(made, 152);
}

/* ---- rlx.compile/1: an executable is a copy of the image and the steps of its main graph ----------------------------- */
static int32_t claim(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  uint32_t none;
  rlx_claims_out made = {sizeof made, CLAIMS, claims, sizeof *claims, 0};
  const int32_t status = RLX_AUTHOR_BEGIN("claims", device, none, 4, 24);
  return status ? status : RLX_AUTHOR_WRITE(made, 24);
}
static int32_t query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error) {
  rlx_query_support_in own;
  rlx_query_support_out made = {sizeof made, RLX_DEPENDS_DIMS};
  rlx_lir_image image;
  step s;
  int32_t status = RLX_AUTHOR_BEGIN("query_support", device, own, 56, 8);
  uint32_t i, operand, key;
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("query_support"))) return status;
  if ((status = rlx_author_open_query(&own, &image, error))) return status;
  for (i = 0; i < rlx_lir_count(&image, RLX_LIR_OPS); ++i) {
    const char* const why = read_op(&image, i, &s, &operand, &key);
    rlx_author_verdict(&own, &image, i, why, operand, key);
  }
  return RLX_AUTHOR_WRITE(made, 8);
}
static void executable_destroy(rlx_executable* executable) {
  if (!executable) return;
  free(executable->bytes), free(executable->steps), free(executable->offsets), free(executable);
}
static int32_t build(rlx_executable* e, const rlx_compile_in* in, rlx_error* error) {
  static uint64_t last_id;
  const uint64_t outputs = rlx_lir_count(&e->image, RLX_LIR_OUTPUTS), values = rlx_lir_count(&e->image, RLX_LIR_VALUES);
  const rlx_lir_region* const main = rlx_lir_region_at(&e->image, 0);
  rlx_author_tensor t;
  const char* why;
  uint32_t i, operand, key;
  if (rlx_lir_count(&e->image, RLX_LIR_STATE)) return RLX_AUTHOR_FAIL(UNSUPPORTED, 0, "compile: an image with state");
  if (!main || main->op_count > rlx_lir_count(&e->image, RLX_LIR_OPS))
    return RLX_AUTHOR_FAIL(INVALID_IMAGE, 0, "compile: no main graph");
  e->bytes = malloc(in->image_bytes);
  e->steps = (step*)calloc(main->op_count + outputs + 1, sizeof *e->steps);
  e->offsets = (uint64_t*)calloc(values + 1, sizeof *e->offsets);
  if (!e->bytes || !e->steps || !e->offsets) return RLX_AUTHOR_NO_MEMORY("compile");
  for (i = 0; i < main->op_count; ++i)
    if ((why = read_op(&e->image, main->ops + i, &e->steps[e->step_count++], &operand, &key)) != NULL)
      return rlx_author_fail(error, RLX_STATUS_UNSUPPORTED, main->ops + i, operand, "compile: op %u: %s", main->ops + i,
                             why);
  (void)rlx_lir_open(&e->image, memcpy(e->bytes, in->image, in->image_bytes), in->image_bytes, NULL);
  e->id = __atomic_add_fetch(&last_id, 1u, __ATOMIC_RELAXED);
  e->arena.alignment = 64;
  for (i = 0; i < values; ++i) { /* every temporary has bytes of its own */
    const rlx_lir_value* const value = rlx_lir_value_at(&e->image, i);
    if (value->storage != RLX_LIR_STORAGE_TEMP) continue;
    if (value->byte_size > UINT64_MAX / 2 - e->arena.bytes) return RLX_AUTHOR_NO_MEMORY("compile");
    e->offsets[i] = e->arena.bytes;
    e->arena.bytes += (value->byte_size + 63) / 64 * 64;
  }
  for (i = 0; i < rlx_lir_count(&e->image, RLX_LIR_INPUTS); ++i)
    if (!rlx_author_read_io(&e->image, RLX_LIR_INPUTS, i, &t)) return RLX_AUTHOR_FAIL(INVALID_IMAGE, i, "compile: input %u", i);
  for (i = 0; i < outputs; ++i) { /* an output that no op writes in place is a copy of a value */
    step* const s = &e->steps[e->step_count];
    s->opcode = RLX_OP_COPY;
    if (!rlx_author_read_io(&e->image, RLX_LIR_OUTPUTS, i, &s->at[1]))
      return RLX_AUTHOR_FAIL(INVALID_IMAGE, i, "compile: output %u", i);
    if (s->at[1].storage == RLX_LIR_STORAGE_OUTPUT && s->at[1].index == i && !s->at[1].is_view) continue;
    s->at[0] = s->at[1], s->at[0].storage = RLX_LIR_STORAGE_OUTPUT, s->at[0].index = i, s->at[0].offset = 0;
    rlx_author_make_dense(&s->at[0]);
    (void)walk_elements(s, 2, 0);
    ++e->step_count;
  }
  return RLX_STATUS_OK;
}
static int32_t compile_lir(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  rlx_compile_in own;
  rlx_compile_out made = {sizeof made, 0, NULL};
  int32_t status = RLX_AUTHOR_BEGIN("compile", device, own, 72, 16);
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("compile"))) return status;
  if ((status = rlx_author_stopped("compile", own.call, error))) return status;
  if (!(made.executable = (rlx_executable*)calloc(1, sizeof *made.executable))) return RLX_AUTHOR_NO_MEMORY("compile");
  made.executable->device = device;
  status = rlx_author_open("compile", &made.executable->image, own.image, own.image_bytes, error);
  if (status || (status = build(made.executable, &own, error))) return executable_destroy(made.executable), status;
  return RLX_AUTHOR_WRITE(made, 16);
}
static int32_t executable_info(rlx_executable* e, const void* in, rlx_executable_info_out* out, rlx_error* error) {
  uint32_t none;
  rlx_executable_info_out made = {sizeof made, RLX_PLAN_OWN, NULL, 0, sizeof(rlx_arena_info), 0, 0, 0};
  const int32_t status = RLX_AUTHOR_BEGIN("executable_info", e, none, 4, 48);
  if (status) return status;
  made.arenas = &e->arena, made.arena_count = e->arena.bytes ? 1 : 0, made.code_bytes = e->step_count * sizeof *e->steps;
  return RLX_AUTHOR_WRITE(made, 48);
}
rlx_author_executable rlx_author_describe(const rlx_executable* e) {
  const rlx_author_executable described = {e->device, &e->image, e->id};
  return described;
}

/* ---- rlx.execute/1 -------------------------------------------------------------------------------------------------- */
static void context_destroy(rlx_context* context) { free(context); }
static int32_t context_create(rlx_executable* e, const rlx_context_create_in* in, rlx_context_create_out* out,
                              rlx_error* error) {
  rlx_context_create_in own;
  rlx_context_create_out made = {sizeof made, 0, NULL};
  const uint64_t tensors = e ? rlx_lir_count(&e->image, RLX_LIR_INPUTS) + rlx_lir_count(&e->image, RLX_LIR_OUTPUTS) : 0;
  char* memory;
  int32_t status = RLX_AUTHOR_BEGIN("context_create", e, own, 24, 16);
  if (status || (status = rlx_author_host_arena(e->device, &own, e->arena.bytes, &memory, error))) return status;
  made.context = (rlx_context*)calloc(1, sizeof *made.context + tensors * sizeof(char*));
  if (!made.context) return RLX_AUTHOR_NO_MEMORY("context_create");
  made.context->executable = e, made.context->arena = memory, made.context->tensors = (char**)(void*)(made.context + 1);
  return RLX_AUTHOR_WRITE(made, 16);
}
static char* address(const rlx_context* context, const rlx_param_set* set, const rlx_author_tensor* t) {
  const rlx_executable* const e = context->executable;
  switch (t->storage) {
    case RLX_LIR_STORAGE_INPUT: return context->tensors[t->index] + t->offset;
    case RLX_LIR_STORAGE_PARAM: return (char*)(uintptr_t)rlx_author_param(&e->image, set, t->index) + t->offset;
    case RLX_LIR_STORAGE_CONSTANT: return (char*)(uintptr_t)rlx_lir_range(&e->image, RLX_LIR_CONSTANTS, 0, 0) + t->offset;
    case RLX_LIR_STORAGE_OUTPUT: return context->tensors[rlx_lir_count(&e->image, RLX_LIR_INPUTS) + t->index] + t->offset;
    default: return context->arena + e->offsets[t->index] + t->offset;
  }
}
static int32_t execute(rlx_context* context, const rlx_execute_in* in, void* out, rlx_error* error) {
  const rlx_executable* e;
  rlx_execute_in own;
  uint32_t i;
  int32_t status = RLX_AUTHOR_BEGIN("execute", context, own, 56, 0);
  if (status) return status;
  e = context->executable;
  if ((status = rlx_author_bind(&e->image, &own, rlx_author_host_memory, e->device, context->tensors, error)) ||
      (status = rlx_author_check_set(e, own.params, error)) || (status = rlx_author_stopped("execute", own.call, error)))
    return status;
  for (i = 0; !status && i < e->step_count; ++i) {
    const step* const s = &e->steps[i];
    const int two = s->opcode == RLX_OP_BINARY || s->opcode == RLX_OP_DOT;
    status = run_step(s, address(context, own.params, &s->at[0]), address(context, own.params, &s->at[1]),
                      two ? address(context, own.params, &s->at[2]) : NULL, own.call, error);
  }
  return status;
}

/* ---- The door ------------------------------------------------------------------------------------------------------- */
static const rlx_plugin_1 plugin_table = {plugin_open, plugin_close, device_count, device_info, NULL};
static const rlx_device_1 device_table = {device_open, device_close, NULL, fingerprint};
static const rlx_compile_1 compile_table = {claim, query_support, compile_lir, executable_destroy, executable_info};
static const rlx_execute_1 execute_table = {context_create, context_destroy, execute};
static const void* get_interface(rlx_str id) {
  if (rlx_author_is(id, RLX_INTERFACE_PLUGIN_1)) return &plugin_table;
  if (rlx_author_is(id, RLX_INTERFACE_DEVICE_1)) return &device_table;
  if (rlx_author_is(id, RLX_INTERFACE_BUFFER_1)) return &rlx_author_host_buffer;
  if (rlx_author_is(id, RLX_INTERFACE_PARAMS_1)) return &rlx_author_host_params;
  if (rlx_author_is(id, RLX_INTERFACE_COMPILE_1)) return &compile_table;
  if (rlx_author_is(id, RLX_INTERFACE_EXECUTE_1)) return &execute_table;
  return NULL;
}
int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  return rlx_author_query(&note.descriptor, get_interface, in, out, error);
}
