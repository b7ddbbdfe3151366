// SPDX-License-Identifier: Apache-2.0
// Packages from strangers, as they are and with their hashes made right: what opens has a verified graph, and every tensor
// and pack lies inside the file.
#include "runtime/execute/package.h"
#include "tests/fuzz/signed_file.h"

namespace {

void read(rlx::Bytes bytes) {
  const auto contents = rlx::read_package(bytes);
  if (!contents) {
    if (contents.error().word.empty() || contents.error().sentence.empty()) __builtin_trap();
    return;
  }
  (void)static_cast<bool>(rlx::verify_package(*contents));  // reads every byte of every tensor and pack
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::vector<std::uint64_t> plain((size + 7) / 8);
  if (size) std::memcpy(plain.data(), data, size);
  read({reinterpret_cast<const std::byte*>(plain.data()), size});
  const auto words = rlx_fuzz::signed_file(data, size, rlx::ContainerKind::kPackage);
  if (!words.empty()) read({reinterpret_cast<const std::byte*>(words.data()), size});
  return 0;
}
