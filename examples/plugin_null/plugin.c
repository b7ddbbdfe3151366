/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton: a device of host memory that keeps buffers and weights, claims no op, and so compiles nothing. Everything
   around the arithmetic is there. Begin with query_support and compile_lir; examples/plugin_c shows where that leads. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, posix_memalign, sysconf */
#include <rlx/author_host.h>

#define PLUGIN_ID "org.example.null"
#define PLUGIN_NAME "Null"
#define PLUGIN_VENDOR "Example"
#define PLUGIN_VERSION "0.1.0"
#define PLUGIN_KIND "null"
#define MINOR 1u /* the ABI minor whose fields this file reads; newer headers do not change it */

static const rlx_descriptor_note note RLX_DESCRIPTOR_SECTION = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {"RLXPLUG", RLX_DESCRIPTOR_BYTES, RLX_DESCRIPTOR_VERSION, RLX_ABI_EPOCH, RLX_ABI_MAJOR, MINOR, MINOR, 1, 1, 0,
     RLX_PLUGIN_FLAG_UNLOAD_SAFE, RLX_AUTHOR_SANITIZER, 1, {0, 0},
     PLUGIN_ID, PLUGIN_NAME, PLUGIN_VENDOR, PLUGIN_VERSION, {PLUGIN_KIND}, {""}, {0}}};

struct rlx_plugin { char unused; };
struct rlx_device { rlx_plugin* plugin; };
struct rlx_executable { rlx_device* device; uint64_t id; rlx_lir_image image; };
struct rlx_context { rlx_executable* executable; };

/* ---- rlx.plugin/1, rlx.device/1 ---- */
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
                              "claims nothing", PLUGIN_KIND ":0", 0, 0, 64, 0};
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

/* ---- rlx.compile/1: nothing is claimed, so no executable is ever made ---- */
static int32_t claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  uint32_t none;
  rlx_claims_out made = {sizeof made, 0, NULL, sizeof(rlx_claim), 0};
  const int32_t status = RLX_AUTHOR_BEGIN("claims", device, none, 4, 24);
  return status ? status : RLX_AUTHOR_WRITE(made, 24);
}
static int32_t query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out,
                             rlx_error* error) {
  rlx_query_support_in own;
  rlx_query_support_out made = {sizeof made, RLX_DEPENDS_NOTHING};
  rlx_lir_image image;
  uint32_t i;
  int32_t status = RLX_AUTHOR_BEGIN("query_support", device, own, 56, 8);
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("query_support"))) return status;
  if ((status = rlx_author_open_query(&own, &image, error))) return status;
  for (i = 0; i < rlx_lir_count(&image, RLX_LIR_OPS); ++i)
    rlx_author_verdict(&own, &image, i, "no kernel for this op", RLX_NO_INDEX, 0);
  return RLX_AUTHOR_WRITE(made, 8);
}
static int32_t compile_lir(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  rlx_compile_in own;
  rlx_lir_image image;
  int32_t status = RLX_AUTHOR_BEGIN("compile", device, own, 72, 16);
  if (status || (status = RLX_AUTHOR_NO_OPTIONS("compile"))) return status;
  if ((status = rlx_author_stopped("compile", own.call, error))) return status;
  if ((status = rlx_author_open("compile", &image, own.image, own.image_bytes, error))) return status;
  return rlx_author_fail(error, RLX_STATUS_UNSUPPORTED, rlx_lir_count(&image, RLX_LIR_OPS) ? 0 : RLX_NO_INDEX, 0,
                         "compile: this backend claims nothing");
}
static void executable_destroy(rlx_executable* executable) { free(executable); }
static int32_t executable_info(rlx_executable* executable, const void* in, rlx_executable_info_out* out, rlx_error* error) {
  uint32_t none;
  rlx_executable_info_out made = {sizeof made, RLX_PLAN_OWN, NULL, 0, sizeof(rlx_arena_info), 0, 0, 0};
  const int32_t status = RLX_AUTHOR_BEGIN("executable_info", executable, none, 4, 48);
  return status ? status : RLX_AUTHOR_WRITE(made, 48);
}
rlx_author_executable rlx_author_describe(const rlx_executable* executable) {
  const rlx_author_executable described = {executable->device, &executable->image, executable->id};
  return described;
}

/* ---- rlx.execute/1: there is no executable to make a context of ---- */
static int32_t context_create(rlx_executable* executable, const rlx_context_create_in* in, rlx_context_create_out* out,
                              rlx_error* error) {
  rlx_context_create_in own;
  const int32_t status = RLX_AUTHOR_BEGIN("context_create", executable, own, 24, 16);
  return status ? status : RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0, "context_create: no executable of this plugin");
}
static void context_destroy(rlx_context* context) { free(context); }
static int32_t execute(rlx_context* context, const rlx_execute_in* in, void* out, rlx_error* error) {
  rlx_execute_in own;
  const int32_t status = RLX_AUTHOR_BEGIN("execute", context, own, 56, 0);
  return status ? status : RLX_AUTHOR_FAIL(INVALID_ARGUMENT, 0, "execute: no context of this plugin");
}

/* ---- The door ---- */
static const rlx_plugin_1 plugin_table = {plugin_open, plugin_close, device_count, device_info, NULL};
static const rlx_device_1 device_table = {device_open, device_close, NULL, fingerprint};
static const rlx_compile_1 compile_table = {claims, query_support, compile_lir, executable_destroy, executable_info};
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
