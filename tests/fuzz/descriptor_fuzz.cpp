// SPDX-License-Identifier: Apache-2.0
// Plugin files are hostile until they are checked: any bytes, read as an ELF file with notes, and as a bare
// descriptor.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "runtime/plugin/descriptor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const rlx::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto notes = rlx::find_notes(bytes);
  if (notes) {
    if (notes->descriptor.data() < bytes.data() ||
        notes->descriptor.data() + notes->descriptor.size() > bytes.data() + size)
      std::abort();
  }
  const auto descriptor = rlx::parse_descriptor(notes ? notes->descriptor : bytes);
  if (!descriptor) return 0;
  if (descriptor->kinds.empty() || descriptor->id.empty()) std::abort();
  static_cast<void>(rlx::check_compatible(*descriptor));
  return 0;
}
