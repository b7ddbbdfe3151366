// SPDX-License-Identifier: Apache-2.0
// Files of a cache folder from strangers, as they are and with their hashes made right: nothing reads outside, and what is
// taken for a variant has an image that the verifier accepts or refuses.
#include "runtime/execute/aot_cache.h"
#include "runtime/ir/lir/image.h"
#include "tests/fuzz/signed_file.h"

namespace {

unsigned touched(rlx::Bytes bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
  return sum;
}

void read(rlx::Bytes bytes) {
  if (const auto container = rlx::Container::parse(bytes, rlx::ContainerKind::kVariant)) {
    volatile unsigned sum = 0;
    for (const rlx::ContainerSection& section : container->sections()) sum = sum + touched(section.bytes);
  }
  const auto file = rlx::parse_aot_file(bytes);
  if (!file) return;
  if (rlx::AotKey again = file->key; !rlx::first_difference(again, file->key).empty()) __builtin_trap();
  (void)static_cast<bool>(rlx::lir::read_image(file->image));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::vector<std::uint64_t> plain((size + 7) / 8);
  if (size) std::memcpy(plain.data(), data, size);
  read({reinterpret_cast<const std::byte*>(plain.data()), size});
  const auto words = rlx_fuzz::signed_file(data, size, rlx::ContainerKind::kVariant);
  if (!words.empty()) read({reinterpret_cast<const std::byte*>(words.data()), size});
  return 0;
}
