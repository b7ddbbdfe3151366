// SPDX-License-Identifier: Apache-2.0
// Checks the fields of a descriptor, and whether this host on this machine can load the plugin.
#include "runtime/plugin/descriptor.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "runtime/base/file.h"
#include "runtime/base/hash.h"
#include "runtime/base/utf8.h"

#if defined(__has_feature)
#define RLX_HAS_FEATURE(name) __has_feature(name)
#else
#define RLX_HAS_FEATURE(name) 0
#endif

namespace rlx {
namespace {

template <class... Pieces>
Error refused(const Pieces&... pieces) {
  return fail(ErrorCode::kPluginRejected, "the plugin descriptor's ", pieces...);
}

bool is_printable_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    const auto first = static_cast<unsigned char>(text[0]);
    const bool control =
        first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (control) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// A field of inline text: printable UTF-8, then NULs to the end, at least one.
template <std::size_t N>
Result<std::string> text_field(const char (&field)[N], std::string_view name) {
  const char* const end = std::find(field, field + N, '\0');
  if (end == field + N) return refused(name, " is not NUL-terminated within its ", N, " bytes");
  if (std::any_of(end, field + N, [](char c) { return c != '\0'; }))
    return refused(name, " has bytes after its end");
  std::string text(field, end);
  if (!is_printable_utf8(text)) return refused(name, " is not printable UTF-8");
  return text;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_'; }

bool is_kind(std::string_view text) {
  return !text.empty() && is_lower(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

/// At least two words with single dots between them.
bool is_reverse_dns(std::string_view text) {
  if (text.find('.') == text.npos || text.front() == '.' || text.back() == '.' ||
      text.find("..") != text.npos)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.'; });
}

bool is_version(std::string_view text) {
  return !text.empty() && is_digit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '+'; });
}

Status take_texts(const rlx_descriptor& raw, Descriptor& out) {
  RLX_ASSIGN(out.id, text_field(raw.id, "id"));
  RLX_ASSIGN(out.name, text_field(raw.name, "name"));
  RLX_ASSIGN(out.vendor, text_field(raw.vendor, "vendor"));
  RLX_ASSIGN(out.version, text_field(raw.version, "version"));
  if (!is_reverse_dns(out.id))
    return refused("id is `", out.id, "`, wanted reverse DNS like org.example.mybackend");
  if (!is_version(out.version)) return refused("version is `", out.version, "`, wanted one like 1.2.3");
  return {};
}

Status take_lists(const rlx_descriptor& raw, Descriptor& out) {
  constexpr std::uint32_t kKindsMax = sizeof raw.kinds / sizeof raw.kinds[0];
  if (raw.kind_count < 1 || raw.kind_count > kKindsMax)
    return refused("kind_count is ", raw.kind_count, ", wanted 1 to ", kKindsMax);
  for (std::uint32_t i = 0; i < kKindsMax; ++i) {
    std::string kind;
    RLX_ASSIGN(kind, text_field(raw.kinds[i], join("kind ", i)));
    if (i >= raw.kind_count && !kind.empty())
      return refused("kind ", i, " is set, kind_count is ", raw.kind_count);
    if (i >= raw.kind_count) continue;
    if (!is_kind(kind))
      return refused("kind ", i, " is `", kind,
                     "`, wanted a letter, then letters, digits or `_`, lower case");
    if (std::find(out.kinds.begin(), out.kinds.end(), kind) != out.kinds.end())
      return refused("kind `", kind, "` is there twice");
    out.kinds.push_back(kind);
  }
  for (const auto& field : raw.sonames) {
    RLX_ASSIGN(std::string soname, text_field(field, "soname"));
    if (soname.find('/') != soname.npos)
      return refused("soname `", soname, "` has a folder, wanted a bare name");
    if (!soname.empty()) out.sonames.push_back(std::move(soname));
  }
  return {};
}

Status take_numbers(const rlx_descriptor& raw, Descriptor& out) {
  if (raw.abi_minor_min > raw.abi_minor_max)
    return refused("ABI minors run from ", raw.abi_minor_min, " down to ", raw.abi_minor_max);
  if (raw.lir_version_min > raw.lir_version_max || raw.lir_version_max == 0)
    return refused("LIR versions run from ", raw.lir_version_min, " to ", raw.lir_version_max);
  if (raw.sanitizer > RLX_SANITIZER_MEMORY)
    return refused("sanitizer is ", raw.sanitizer, ", wanted 0 to ", RLX_SANITIZER_MEMORY);
  if (std::any_of(std::begin(raw.reserved), std::end(raw.reserved), [](char c) { return c != 0; }))
    return refused("reserved bytes are not zero");
  out.abi_epoch = raw.abi_epoch;
  out.abi_major = raw.abi_major;
  out.abi_minor_min = raw.abi_minor_min;
  out.abi_minor_max = raw.abi_minor_max;
  out.lir_version_min = raw.lir_version_min;
  out.lir_version_max = raw.lir_version_max;
  out.priority = raw.priority;
  out.sanitizer = raw.sanitizer;
  out.cpu_features = {raw.cpu_features[0], raw.cpu_features[1]};
  out.unload_safe = (raw.flags & RLX_PLUGIN_FLAG_UNLOAD_SAFE) != 0;
  return {};
}

std::string range_text(std::uint32_t low, std::uint32_t high) {
  return low == high ? join(low) : join(low, " to ", high);
}

Status check_versions(const Descriptor& plugin, const HostVersions& host) {
  const auto mismatch = [](std::string_view what, const std::string& theirs, const std::string& ours) {
    return fail(ErrorCode::kPluginVersion, "the plugin speaks ", what, " ", theirs, ", this runtime ", ours);
  };
  if (plugin.abi_epoch != host.abi_epoch)
    return mismatch("ABI epoch", join(plugin.abi_epoch), join(host.abi_epoch));
  if (plugin.abi_major != host.abi_major)
    return mismatch("ABI major", join(plugin.abi_major), join(host.abi_major));
  if (plugin.abi_minor_min > host.abi_minor_max || plugin.abi_minor_max < host.abi_minor_min)
    return mismatch("ABI minor", range_text(plugin.abi_minor_min, plugin.abi_minor_max),
                    range_text(host.abi_minor_min, host.abi_minor_max));
  if (plugin.lir_version_min > host.lir_version_max || plugin.lir_version_max < host.lir_version_min)
    return mismatch("LIR version", range_text(plugin.lir_version_min, plugin.lir_version_max),
                    range_text(host.lir_version_min, host.lir_version_max));
  return {};
}

std::string feature_names(std::uint32_t features) {
  std::string text;
  const auto add = [&](std::uint32_t bit, std::string_view name) {
    if (features & bit) text += (text.empty() ? "" : ", ") + std::string(name);
    features &= ~bit;
  };
  add(RLX_CPU_X86_AVX2_FMA, "AVX2 and FMA");
  add(RLX_CPU_X86_AVX512, "AVX-512 (F, BW, DQ, VL)");
  if (features)
    text += (text.empty() ? "" : ", ") + join("features ", features, " that this runtime does not know");
  return text;
}

std::string_view sanitizer_name(std::uint32_t sanitizer) {
  constexpr std::string_view names[] = {"no sanitizer", "AddressSanitizer", "ThreadSanitizer",
                                        "MemorySanitizer"};
  return names[sanitizer];
}

}  // namespace

std::uint32_t host_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || RLX_HAS_FEATURE(address_sanitizer)
  return RLX_SANITIZER_ADDRESS;
#elif defined(__SANITIZE_THREAD__) || RLX_HAS_FEATURE(thread_sanitizer)
  return RLX_SANITIZER_THREAD;
#elif RLX_HAS_FEATURE(memory_sanitizer)
  return RLX_SANITIZER_MEMORY;
#else
  return RLX_SANITIZER_NONE;
#endif
}

std::uint32_t host_cpu_features() {
  std::uint32_t features = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) features |= RLX_CPU_X86_AVX2_FMA;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    features |= RLX_CPU_X86_AVX512;
#endif
  return features;
}

Result<Descriptor> parse_descriptor(Bytes bytes) {
  rlx_descriptor raw;
  if (bytes.size() != sizeof raw) return refused("size is ", bytes.size(), " bytes, wanted ", sizeof raw);
  std::memcpy(&raw, bytes.data(), sizeof raw);
  if (std::memcmp(raw.magic, "RLXPLUG", sizeof raw.magic) != 0) return refused("magic is not RLXPLUG");
  if (raw.size != RLX_DESCRIPTOR_BYTES)
    return refused("size field is ", raw.size, ", wanted ", RLX_DESCRIPTOR_BYTES);
  if (raw.descriptor_version != RLX_DESCRIPTOR_VERSION)
    return refused("version field is ", raw.descriptor_version, ", wanted ", RLX_DESCRIPTOR_VERSION);
  Descriptor out;
  RLX_TRY(take_texts(raw, out));
  RLX_TRY(take_lists(raw, out));
  RLX_TRY(take_numbers(raw, out));
  std::memcpy(out.bytes.data(), bytes.data(), sizeof raw);
  return out;
}

Status check_compatible(const Descriptor& descriptor, const HostVersions& host) {
  RLX_TRY(check_versions(descriptor, host));
  if (descriptor.sanitizer != RLX_SANITIZER_NONE && descriptor.sanitizer != host_sanitizer())
    return fail(ErrorCode::kPluginRejected, "the plugin is built with ", sanitizer_name(descriptor.sanitizer),
                ", this process with ", sanitizer_name(host_sanitizer()));
  const std::uint32_t missing = descriptor.cpu_features[0] & ~host_cpu_features();
  if (missing)
    return fail(ErrorCode::kPluginRejected, "the plugin needs a processor with ", feature_names(missing),
                "; this one has not");
  if (descriptor.cpu_features[1])
    return fail(ErrorCode::kPluginRejected,
                "the plugin needs processor features that this runtime does not know (word 1: ",
                descriptor.cpu_features[1], ")");
  return {};
}

Result<PluginFile> read_plugin_file(const std::filesystem::path& path, LoadStep* step) {
  LoadStep ignored;
  LoadStep& at = step ? *step : ignored;
  at = LoadStep::kRead;
  RLX_ASSIGN(const auto file, MappedFile::open(path));
  RLX_ASSIGN(PluginNotes notes, find_notes(file->bytes()));
  at = LoadStep::kDescriptor;
  PluginFile out;
  RLX_ASSIGN(out.descriptor, parse_descriptor(notes.descriptor));
  out.path = path;
  out.build_id = std::move(notes.build_id);
  out.identity = out.build_id.empty() ? "xxh3-" + hex(hash_bytes(file->bytes())) : out.build_id;
  return out;
}

}  // namespace rlx
