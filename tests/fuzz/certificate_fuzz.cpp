// SPDX-License-Identifier: Apache-2.0
// Certificates of the conformance tool: any bytes, as they are, and as lines whose last one fits.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "runtime/base/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(rlx::parse_certificate(bytes));
  const std::string text = "rlx-certificate 1\n" + bytes + "\n";
  const auto read = rlx::parse_certificate(text + "check: " + rlx::certificate_hash(std::as_bytes(std::span(text.data(), text.size()))) + "\n");
  if (read && (read->level < 0 || read->level > rlx::kLevelMost || read->file_hash.empty())) std::abort();
  if (read && !rlx::parse_certificate(rlx::certificate_text(*read)) && read->file_hash.size() < 400) std::abort();
  return 0;
}
