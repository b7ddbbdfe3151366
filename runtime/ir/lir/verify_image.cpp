// SPDX-License-Identifier: Apache-2.0
// The check of bytes from outside: they parse, their module keeps the rules, and writing it again gives the same bytes.
// The last is what proves hashes, order, padding and everything else that one form per module implies.
#include <cstring>

#include "runtime/ir/lir/draft.h"
#include "runtime/ir/lir/parse_image.h"

namespace rlx::lir {
namespace {

const char* header_field(std::size_t at) {
  if (at < offsetof(rlx_lir_header, content_hash)) return "the header";
  if (at < offsetof(rlx_lir_header, graph_hash)) return "the content hash";
  if (at < offsetof(rlx_lir_header, skeleton_hash)) return "the graph hash";
  if (at < offsetof(rlx_lir_header, template_hash)) return "the skeleton hash";
  return "the header";
}

/// Names the first difference that matters: what lies behind the header first, for hashes only follow from it.
Error name_difference(Bytes bytes, Bytes want) {
  const std::size_t size = std::min(bytes.size(), want.size());
  const auto differs = [&](std::size_t from, std::size_t to) {
    for (; from < to && bytes[from] == want[from]; ++from) {
    }
    return from;
  };
  const std::size_t body = differs(sizeof(rlx_lir_header), size);
  if (body < size)
    return fail(ErrorCode::kInvalidImage, "byte ", body, " is ", static_cast<int>(bytes[body]), ", want ",
                static_cast<int>(want[body]), ": the image is not canonical");
  const std::size_t head = differs(0, sizeof(rlx_lir_header));
  if (head < sizeof(rlx_lir_header)) return fail(ErrorCode::kInvalidImage, header_field(head), " is wrong at byte ", head);
  return fail(ErrorCode::kInvalidImage, "the image has ", bytes.size(), " bytes, want ", want.size());
}

Result<Module> verified_module(Bytes bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % 8)
    return fail(ErrorCode::kInvalidImage, "the image does not begin at a multiple of 8 bytes");
  RLX_ASSIGN(Module module, parse_image(bytes));
  RLX_TRY(check_module(module));
  Result<Image> image = write_image(module);
  if (!image) return fail(ErrorCode::kInvalidImage, image.error().message());
  const Bytes want = image->bytes();
  if (bytes.size() != want.size() || std::memcmp(bytes.data(), want.data(), want.size()) != 0)
    return name_difference(bytes, want);
  return module;
}

}  // namespace

Status verify_image(Bytes bytes) {
  RLX_TRY(verified_module(bytes));
  return {};
}

Result<Module> read_image(Bytes bytes) { return verified_module(bytes); }

}  // namespace rlx::lir
