/* SPDX-License-Identifier: Apache-2.0 */
/* The canary: a plugin that loads, claims addition, and answers with zeros. Every run begins with it; a tool that lets
   it pass proves nothing, and the run is void. */
#include <rlx/buffer.h>
#include <rlx/compile.h>
#include <rlx/execute.h>
#include <rlx/lir.h>
#include <rlx/params.h>

#include <stdlib.h>

static const rlx_descriptor_note note RLX_DESCRIPTOR_SECTION = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {"RLXPLUG", RLX_DESCRIPTOR_BYTES, RLX_DESCRIPTOR_VERSION, RLX_ABI_EPOCH, RLX_ABI_MAJOR, 1, RLX_ABI_MINOR, 1, RLX_LIR_VERSION, -1000, 0,
     RLX_SANITIZER_NONE, 1, {0, 0}, "org.rlx.canary", "Canary", "RLX", "0.1.0", {"canary"}, {""}, {0}}};

struct rlx_plugin {
  char unused;
};
struct rlx_device {
  char unused;
};
struct rlx_executable {
  char unused;
};
struct rlx_context {
  char unused;
};

#define CANARY_GIVE(type, member, object)                                                    \
  type made = {sizeof made, 0, NULL};                                                        \
  (void)in, (void)error;                                                                     \
  if (!(made.member = calloc(1, sizeof *made.member))) return RLX_STATUS_OUT_OF_MEMORY;      \
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL)

static int32_t plugin_open(const rlx_open_in* in, rlx_open_out* out, rlx_error* error) { CANARY_GIVE(rlx_open_out, plugin, plugin); }
static void plugin_close(rlx_plugin* plugin) { free(plugin); }
static int32_t device_count(rlx_plugin* plugin, const void* in, rlx_device_count_out* out, rlx_error* error) {
  const rlx_device_count_out made = {sizeof made, 1, ""};
  (void)plugin, (void)in, (void)error;
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static int32_t device_info(rlx_plugin* plugin, const rlx_device_info_in* in, rlx_device_info_out* out, rlx_error* error) {
  const rlx_device_info_out made = {sizeof made, RLX_DEVICE_FLAG_HOST_MEMORY, "canary", "answers zeros", "canary:0", 1u << 20, 1u << 20, 64, 0};
  (void)plugin, (void)in, (void)error;
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static const rlx_plugin_1 plugin_table = {plugin_open, plugin_close, device_count, device_info, NULL};

static int32_t device_open(rlx_plugin* plugin, const rlx_device_open_in* in, rlx_device_open_out* out, rlx_error* error) {
  (void)plugin;
  CANARY_GIVE(rlx_device_open_out, device, device);
}
static void device_close(rlx_device* device) { free(device); }
static int32_t fingerprint(rlx_device* device, const void* in, rlx_fingerprint_out* out, rlx_error* error) {
  const rlx_fingerprint_out made = {sizeof made, 0, "canary", {1, 1}};
  (void)device, (void)in, (void)error;
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static const rlx_device_1 device_table = {device_open, device_close, NULL, fingerprint};

static int32_t claims(rlx_device* device, const void* in, rlx_claims_out* out, rlx_error* error) {
  static const rlx_claim row = {RLX_OP_BINARY, 1, 1, 8, RLX_DTYPE_BIT(RLX_DTYPE_F32), (uint64_t)1 << RLX_BINARY_ADD, 0, RLX_PRECISION_F32, 0};
  const rlx_claims_out made = {sizeof made, 1, &row, sizeof row, 0};
  (void)device, (void)in, (void)error;
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static int32_t query_support(rlx_device* device, const rlx_query_support_in* in, rlx_query_support_out* out, rlx_error* error) {
  const rlx_query_support_out made = {sizeof made, RLX_DEPENDS_NOTHING};
  uint64_t i;
  (void)device, (void)error;
  for (i = 0; i < in->verdict_count; ++i) {
    rlx_verdict* verdict = (rlx_verdict*)((char*)in->verdicts + i * in->verdict_stride);
    memset(verdict, 0, sizeof *verdict);
    verdict->verdict = RLX_VERDICT_NATIVE;
    verdict->operand_index = RLX_NO_INDEX;
  }
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static int32_t compile_lir(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  (void)device;
  CANARY_GIVE(rlx_compile_out, executable, executable);
}
static void executable_destroy(rlx_executable* executable) { free(executable); }
static int32_t executable_info(rlx_executable* executable, const void* in, rlx_executable_info_out* out, rlx_error* error) {
  const rlx_executable_info_out made = {sizeof made, RLX_PLAN_OWN, NULL, 0, sizeof(rlx_arena_info), 0, 0, 0};
  (void)executable, (void)in, (void)error;
  return rlx_write_out(out, &made, sizeof made, sizeof made, NULL);
}
static const rlx_compile_1 compile_table = {claims, query_support, compile_lir, executable_destroy, executable_info};

static int32_t context_create(rlx_executable* executable, const rlx_context_create_in* in, rlx_context_create_out* out, rlx_error* error) {
  (void)executable;
  CANARY_GIVE(rlx_context_create_out, context, context);
}
static void context_destroy(rlx_context* context) { free(context); }
static int32_t execute(rlx_context* context, const rlx_execute_in* in, void* out, rlx_error* error) {
  uint32_t i;
  (void)context, (void)out, (void)error;
  for (i = 0; i < in->output_count; ++i) {
    const rlx_view* view = (const rlx_view*)((const char*)in->outputs + (size_t)i * in->output_stride);
    if (view->bytes) memset(view->host, 0, view->bytes);
  }
  return RLX_STATUS_OK;
}
static const rlx_execute_1 execute_table = {context_create, context_destroy, execute};

/* Nothing that the tool asks a canary needs buffers or params: their tables are there, and empty. */
static const rlx_buffer_1 buffer_table;
static const rlx_params_1 params_table;

static const void* get_interface(rlx_str id) {
  static const struct {
    const char* id;
    const void* table;
  } tables[] = {{RLX_INTERFACE_PLUGIN_1, &plugin_table}, {RLX_INTERFACE_DEVICE_1, &device_table},   {RLX_INTERFACE_BUFFER_1, &buffer_table},
                {RLX_INTERFACE_PARAMS_1, &params_table}, {RLX_INTERFACE_COMPILE_1, &compile_table}, {RLX_INTERFACE_EXECUTE_1, &execute_table}};
  size_t i;
  for (i = 0; i < sizeof tables / sizeof *tables; ++i)
    if (id.size == strlen(tables[i].id) && !memcmp(id.data, tables[i].id, id.size)) return tables[i].table;
  return NULL;
}

int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  const rlx_query_out made = {sizeof made, RLX_ABI_MINOR, RLX_LIR_VERSION, 0, &note.descriptor, get_interface};
  (void)in, (void)error;
  memcpy(out, &made, sizeof made);
  return RLX_STATUS_OK;
}
