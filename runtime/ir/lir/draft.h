// SPDX-License-Identifier: Apache-2.0
// A module as the records of an image, before they have places in it. With symbols open, a draft also says which fields
// wait for a number.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "runtime/ir/lir/image.h"

namespace rlx::lir {

/// A field that takes the size of `dim` once symbols have sizes.
struct Fixup {
  enum class Field : std::uint8_t { kPool, kValueOffset, kAttribute, kConstant };
  Field field;
  bool not_negative;    ///< a size or an offset, as opposed to a stride or an attribute
  std::uint32_t index;  ///< pool entry, value or attribute record; of a constant its 8-byte word
  Dim dim;
};

struct Draft {
  std::vector<char> strings;
  std::size_t graph_string_bytes = 0;  ///< the rest belongs to the debug section
  std::vector<rlx_lir_value> values;
  std::vector<rlx_lir_op> ops;
  std::vector<rlx_lir_region> regions;
  std::vector<std::uint32_t> u32s;
  std::vector<std::int64_t> i64s;
  std::vector<rlx_lir_attr> attrs;
  std::vector<std::byte> constants;
  std::vector<rlx_lir_param> params;
  std::vector<rlx_lir_io> inputs;
  std::vector<rlx_lir_io> outputs;
  std::vector<rlx_lir_state> states;
  std::vector<rlx_lir_extent> extents;
  std::vector<rlx_lir_arena> arenas;
  std::vector<rlx_lir_place> places;
  std::vector<std::uint32_t> debug;
  Hash128 template_hash;
  std::vector<Fixup> fixups;
  std::vector<std::uint32_t> open_values;  ///< values whose byte_size waits for their dims
};

/// A name that ops or tensors repeat is stored once; what is repeated may expand to at most this many image sizes.
inline constexpr std::uint64_t kMaxStringExpansion = 64;
inline constexpr std::size_t kMaxConstantBytes = 4096;

/// Records of a module. Symbols may be open only where `allow_open`.
Result<Draft> draft_module(const Module& module, bool allow_open);
/// Bytes of a draft: header, directory, sections, hashes.
Image assemble(const Draft& draft);

/// Payload of one section as the hashes see it.
struct SectionView {
  std::uint32_t kind = 0;
  std::uint32_t stride = 0;
  std::uint64_t count = 0;
  const std::byte* bytes = nullptr;
};
using SectionViews = std::array<SectionView, RLX_LIR_SECTION_KINDS>;  ///< by kind; count 0 = absent

/// Everything but plan and debug; the strings given end before those of the debug section.
Hash128 hash_graph(const SectionViews& sections);
/// The graph hash, the template hash and the plan.
Hash128 hash_content(const Hash128& graph, const Hash128& template_hash, const SectionViews& sections);
/// The graph with its numbers zeroed.
Hash128 hash_skeleton(const SectionViews& sections);

}  // namespace rlx::lir
