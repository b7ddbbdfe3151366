// SPDX-License-Identifier: Apache-2.0
// The options of the plugin. `precision` is an error bound; f32 kernels keep every one that is claimed, so it
// changes no bit of what runs.
#include "entry_options.h"

#include "entry_guard.h"

namespace rlx_cpu {
namespace {

constexpr rlx_str text(const char* data, uint64_t size) { return {data, size}; }
#define RLX_CPU_TEXT(literal) text(literal, sizeof(literal) - 1)

constexpr rlx_option_info kOptions[] = {
    {RLX_CPU_TEXT("precision"), RLX_CPU_TEXT("enum"), RLX_CPU_TEXT("f32"),
     RLX_CPU_TEXT("f32, f32_strict, tf32, bf16, f16"), 0, kScopeCompile},
};
constexpr const char* kPrecisions[] = {"f32", "f32_strict", "tf32", "bf16", "f16"};

bool is_precision(rlx_str value) {
  for (const char* name : kPrecisions) {
    if (same_text(value, name)) return true;
  }
  return false;
}

/// How many bytes of a caller's text a message shows; a character is never cut.
int shown(rlx_str value) {
  if (value.data == nullptr || value.size < 150) return value.data == nullptr ? 0 : static_cast<int>(value.size);
  int size = 150;
  while (size > 0 && (static_cast<unsigned char>(value.data[size]) & 0xC0u) == 0x80u) --size;
  return size;
}

}  // namespace

int32_t check_options(const void* options, uint32_t count, uint32_t stride, uint32_t scope, const char* what,
                      rlx_error* error) {
  if (count == 0) return RLX_STATUS_OK;
  if (options == nullptr || stride < sizeof(rlx_option)) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, count,
                "%s: %u options at %p with a stride of %u", what, count, options, stride);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const rlx_option option = row_at(static_cast<const rlx_option*>(options), stride, i);
    if (scope != kScopeCompile || option.key.data == nullptr || !same_text(option.key, "precision")) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, i, "%s: unknown option \"%.*s\"", what,
                  shown(option.key), option.key.data);
    }
    if (option.value.data == nullptr || !is_precision(option.value)) {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, i,
                  "%s: option \"precision\" is \"%.*s\", wanted one of f32, "
                  "f32_strict, tf32, bf16, f16",
                  what, shown(option.value), option.value.data);
    }
  }
  return RLX_STATUS_OK;
}

int32_t describe_options(rlx_plugin* plugin, const void* in, rlx_describe_options_out* out,
                         rlx_error* error) {
  return guarded(error, [&]() -> int32_t {
    if (plugin == nullptr) return null_argument(error, "describe_options: plugin");
    if (int32_t status = read_no_in(in, "describe_options", error)) return status;
    if (int32_t status = check_out(out, sizeof(rlx_describe_options_out), "describe_options", error))
      return status;
    rlx_describe_options_out result{};
    result.count = sizeof kOptions / sizeof kOptions[0];
    result.rows = kOptions;
    result.stride = sizeof(rlx_option_info);
    return write_out(out, result);
  });
}

}  // namespace rlx_cpu
