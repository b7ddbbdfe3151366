// SPDX-License-Identifier: Apache-2.0
// Reads what a plugin file says about itself without running any of its code: the ELF note of owner RLX, and
// the linker's build id. The bytes are hostile until they are checked.
#pragma once

#include <rlx/lir.h>
#include <rlx/plugin.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/span.h"
#include "runtime/plugin/load_report.h"

namespace rlx {

/// The descriptor's fields, checked.
struct Descriptor {
  std::string id, name, vendor, version;
  std::vector<std::string> kinds;    ///< at least one
  std::vector<std::string> sonames;  ///< driver libraries without which there is no device
  std::uint32_t abi_epoch = 0;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor_min = 0, abi_minor_max = 0;
  std::uint32_t lir_version_min = 0, lir_version_max = 0;
  std::int32_t priority = 0;
  std::uint32_t sanitizer = RLX_SANITIZER_NONE;
  std::array<std::uint32_t, 2> cpu_features{};
  bool unload_safe = false;
  std::array<std::byte, RLX_DESCRIPTOR_BYTES>
      bytes{};  ///< as in the file; the loaded plugin must show the same
};

/// A plugin file that has been read and not loaded.
struct PluginFile {
  std::filesystem::path path;
  Descriptor descriptor;
  std::string build_id;  ///< hexadecimal; empty where the linker wrote none
  std::string identity;  ///< build id, else "xxh3-" and the hash of the file: what caches know the plugin by
};

/// What this host speaks; tests pass others.
struct HostVersions {
  std::uint32_t abi_epoch = RLX_ABI_EPOCH;
  std::uint32_t abi_major = RLX_ABI_MAJOR;
  std::uint32_t abi_minor_min = 1, abi_minor_max = RLX_ABI_MINOR;
  std::uint32_t lir_version_min = 1, lir_version_max = RLX_LIR_VERSION;
  std::string name = "rlx";
  std::string version = "0.1.0";
};

/// What of the notes of an ELF file matters here.
struct PluginNotes {
  Bytes descriptor;
  std::string build_id;
};

/// Finds the notes in the bytes of an ELF file. Never reads outside `file`, whatever it holds.
/// Errors: kPluginRejected: no ELF file of this machine, "no plugin descriptor", two descriptors, a damaged
/// note.
Result<PluginNotes> find_notes(Bytes file);

/// Checks every field of the descriptor's bytes.
/// Errors: kPluginRejected with the field, the value seen and the value wanted.
Result<Descriptor> parse_descriptor(Bytes bytes);

/// Says whether this host on this machine may load a plugin of that descriptor: ABI and LIR ranges, CPU
/// features, sanitizer. Errors: kPluginVersion, kPluginRejected.
Status check_compatible(const Descriptor& descriptor, const HostVersions& host = {});

/// Maps the file, finds and checks its descriptor; *step is the last step that was begun. Does not ask
/// whether this host can load it.
Result<PluginFile> read_plugin_file(const std::filesystem::path& path, LoadStep* step = nullptr);

/// RLX_SANITIZER_* of this build of the runtime.
std::uint32_t host_sanitizer();
/// RLX_CPU_* of word 0 that this machine has.
std::uint32_t host_cpu_features();

}  // namespace rlx
