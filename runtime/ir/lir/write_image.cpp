// SPDX-License-Identifier: Apache-2.0
// Records -> bytes: the header, the directory, the sections in order of their kinds, and the three hashes.
#include <cstring>

#include "runtime/ir/lir/draft.h"

namespace rlx::lir {
namespace {

constexpr std::size_t align8(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

template <class Record>
SectionView view(std::uint32_t kind, const std::vector<Record>& records) {
  return {kind, sizeof(Record), records.size(), reinterpret_cast<const std::byte*>(records.data())};
}

SectionViews views(const Draft& draft) {
  SectionViews sections;
  sections[RLX_LIR_STRINGS] = view(RLX_LIR_STRINGS, draft.strings);
  sections[RLX_LIR_VALUES] = view(RLX_LIR_VALUES, draft.values);
  sections[RLX_LIR_OPS] = view(RLX_LIR_OPS, draft.ops);
  sections[RLX_LIR_REGIONS] = view(RLX_LIR_REGIONS, draft.regions);
  sections[RLX_LIR_U32] = view(RLX_LIR_U32, draft.u32s);
  sections[RLX_LIR_I64] = view(RLX_LIR_I64, draft.i64s);
  sections[RLX_LIR_ATTRS] = view(RLX_LIR_ATTRS, draft.attrs);
  sections[RLX_LIR_CONSTANTS] = view(RLX_LIR_CONSTANTS, draft.constants);
  sections[RLX_LIR_PARAMS] = view(RLX_LIR_PARAMS, draft.params);
  sections[RLX_LIR_INPUTS] = view(RLX_LIR_INPUTS, draft.inputs);
  sections[RLX_LIR_OUTPUTS] = view(RLX_LIR_OUTPUTS, draft.outputs);
  sections[RLX_LIR_STATE] = view(RLX_LIR_STATE, draft.states);
  sections[RLX_LIR_EXTENTS] = view(RLX_LIR_EXTENTS, draft.extents);
  sections[RLX_LIR_ARENAS] = view(RLX_LIR_ARENAS, draft.arenas);
  sections[RLX_LIR_PLACES] = view(RLX_LIR_PLACES, draft.places);
  sections[RLX_LIR_DEBUG] = view(RLX_LIR_DEBUG, draft.debug);
  return sections;
}

std::uint32_t section_flags(std::uint32_t kind) {
  const bool optional =
      kind == RLX_LIR_EXTENTS || kind == RLX_LIR_ARENAS || kind == RLX_LIR_PLACES || kind == RLX_LIR_DEBUG;
  return optional ? 0 : RLX_LIR_SECTION_REQUIRED;
}

template <class Plain>
void add_plain(Hasher& hasher, const Plain& plain) {
  hasher.add({reinterpret_cast<const std::byte*>(&plain), sizeof plain});
}

void add_head(Hasher& hasher, const SectionView& section) {
  const std::uint64_t head[2] = {std::uint64_t{section.kind} << 32 | section.stride, section.count};
  add_plain(hasher, head);
}

/// A section's payload behind its kind, stride and count; nothing where it is absent.
void add_section(Hasher& hasher, const SectionView& section) {
  if (!section.count) return;
  add_head(hasher, section);
  hasher.add({section.bytes, section.count * section.stride});
}

template <class Record, class Zero>
void add_zeroed(Hasher& hasher, const SectionView& section, Zero zero) {
  for (std::uint64_t i = 0; i < section.count; ++i) {
    Record record;
    std::memcpy(&record, section.bytes + i * section.stride, sizeof record);
    zero(record);
    add_plain(hasher, record);
  }
}

}  // namespace

Hash128 hash_graph(const SectionViews& sections) {
  Hasher hasher;
  for (std::uint32_t kind = RLX_LIR_STRINGS; kind <= RLX_LIR_EXTENTS; ++kind) add_section(hasher, sections[kind]);
  return hasher.finish();
}

Hash128 hash_content(const Hash128& graph, const Hash128& template_hash, const SectionViews& sections) {
  Hasher hasher;
  add_plain(hasher, graph);
  add_plain(hasher, template_hash);
  add_section(hasher, sections[RLX_LIR_ARENAS]);
  add_section(hasher, sections[RLX_LIR_PLACES]);
  return hasher.finish();
}

Hash128 hash_skeleton(const SectionViews& sections) {
  Hasher hasher;
  for (std::uint32_t kind = RLX_LIR_STRINGS; kind <= RLX_LIR_EXTENTS; ++kind) {
    const SectionView& section = sections[kind];
    if (!section.count) continue;
    if (kind == RLX_LIR_I64) {
      add_head(hasher, section);
    } else if (kind == RLX_LIR_VALUES) {
      add_head(hasher, section);
      add_zeroed<rlx_lir_value>(hasher, section, [](rlx_lir_value& value) { value.byte_offset = value.byte_size = 0; });
    } else if (kind == RLX_LIR_ATTRS) {
      add_head(hasher, section);
      add_zeroed<rlx_lir_attr>(hasher, section, [](rlx_lir_attr& attr) {
        if (attr.type == RLX_LIR_ATTR_I64 || attr.type == RLX_LIR_ATTR_F64) attr.value = 0;
      });
    } else {
      add_section(hasher, section);
    }
  }
  return hasher.finish();
}

Image assemble(const Draft& draft) {
  SectionViews sections = views(draft);
  std::uint32_t count = 0;
  std::size_t total = 0;
  for (const SectionView& section : sections) {
    count += section.count != 0;
    total += align8(section.count * section.stride);
  }
  std::size_t at = sizeof(rlx_lir_header) + count * sizeof(rlx_lir_section);
  Image image(at + total);
  std::byte* const bytes = image.bytes().data();
  std::byte* entry = bytes + sizeof(rlx_lir_header);
  for (const SectionView& section : sections) {
    if (!section.count) continue;
    const rlx_lir_section record{section.kind, section_flags(section.kind), at, section.count, section.stride, 0};
    std::memcpy(entry, &record, sizeof record);
    entry += sizeof record;
    std::memcpy(bytes + at, section.bytes, section.count * section.stride);
    at += align8(section.count * section.stride);
  }
  sections[RLX_LIR_STRINGS].count = draft.graph_string_bytes;
  const Hash128 graph = hash_graph(sections);
  const Hash128 content = hash_content(graph, draft.template_hash, sections);
  const Hash128 skeleton = hash_skeleton(sections);
  const rlx_lir_header header{RLX_LIR_MAGIC,
                              RLX_LIR_VERSION,
                              sizeof(rlx_lir_header),
                              at,
                              {content.low, content.high},
                              {graph.low, graph.high},
                              {skeleton.low, skeleton.high},
                              {draft.template_hash.low, draft.template_hash.high},
                              count,
                              sizeof(rlx_lir_section),
                              sizeof(rlx_lir_header)};
  std::memcpy(bytes, &header, sizeof header);
  return image;
}

Result<Image> write_image(const Module& module) {
  RLX_ASSIGN(const Draft draft, draft_module(module, false));
  return assemble(draft);
}

Result<ImageHashes> image_hashes(Bytes bytes) {
  rlx_lir_header header;
  if (bytes.size() < sizeof header)
    return fail(ErrorCode::kInvalidImage, "an image of ", bytes.size(), " bytes, want ", sizeof header, " at least");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != RLX_LIR_MAGIC) return fail(ErrorCode::kInvalidImage, "no LIR image: the magic number is wrong");
  const auto hash = [](const rlx_hash128& from) { return Hash128{from.low, from.high}; };
  return ImageHashes{hash(header.content_hash), hash(header.graph_hash), hash(header.skeleton_hash),
                     hash(header.template_hash)};
}

}  // namespace rlx::lir
