/* SPDX-License-Identifier: Apache-2.0 */
/* The least that is a plugin by its descriptor and entry: it has no interface. */
#include <rlx/execute.h>
#include <rlx/lir.h>
#include <rlx/plugin.h>

RLX_DESCRIPTOR_SECTION
const rlx_descriptor_note consumer_note = {
    RLX_DESCRIPTOR_NOTE_HEAD,
    {"RLXPLUG", RLX_DESCRIPTOR_BYTES, RLX_DESCRIPTOR_VERSION, RLX_ABI_EPOCH, RLX_ABI_MAJOR, RLX_ABI_MINOR, RLX_ABI_MINOR,
     RLX_LIR_VERSION, RLX_LIR_VERSION, 0, 0, RLX_SANITIZER_NONE, 1, {0, 0}, "org.example.consumer", "Consumer", "Example",
     "0.1.0", {"nothing"}, {""}, {0}}};

static const void* no_interface(rlx_str id) {
  (void)id;
  return NULL;
}

int32_t rlx_plugin_query(const rlx_query_in* in, rlx_query_out* out, rlx_error* error) {
  if (!in || !out || in->struct_size < sizeof *in || out->struct_size < sizeof *out)
    return rlx_fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0, "query needs both records");
  out->abi_minor = RLX_ABI_MINOR;
  out->lir_version = RLX_LIR_VERSION;
  out->descriptor = &consumer_note.descriptor;
  out->get_interface = no_interface;
  return RLX_STATUS_OK;
}
