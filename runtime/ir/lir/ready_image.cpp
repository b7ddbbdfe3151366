// SPDX-License-Identifier: Apache-2.0
// The image that a template keeps: bytes with holes, the words that fill them, and the lives that the plan needs. What
// the fast path cannot do (a missing symbol, a broken constraint, a size out of range) goes the slow path of bind, plan
// and write, which alone makes errors; so both cannot disagree.
#include <optional>

#include "runtime/base/check.h"
#include "runtime/ir/lir/dim_tape.h"
#include "runtime/ir/lir/draft.h"
#include "runtime/ir/lir/lives.h"
#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

/// A 64-bit word of the image that takes a slot of the tape.
struct Patch {
  std::uint32_t word;
  std::uint32_t slot;
};

/// A value whose byte size follows from its dims.
struct SizedValue {
  std::uint32_t size_word;
  std::uint32_t dims_word;
  std::uint32_t rank;
  std::uint32_t element_bytes;
};

struct SlotConstraint {
  std::uint32_t left;
  std::uint32_t right;
  bool at_least;
};

std::string binding_text(const DimBinding& binding) {
  std::string text;
  for (const auto& [name, size] : binding) text += join(text.empty() ? "" : ", ", name, "=", size);
  return text.empty() ? "no sizes" : text;
}

bool holds(std::int64_t left, std::int64_t right, bool at_least) { return at_least ? left >= right : left == right; }

Status check_constraint(const Constraint& constraint, const DimBinding& binding) {
  RLX_ASSIGN(const std::int64_t left, constraint.left.evaluate(binding));
  RLX_ASSIGN(const std::int64_t right, constraint.right.evaluate(binding));
  if (holds(left, right, constraint.at_least)) return {};
  return fail(ErrorCode::kConstraintViolated, constraint.reason, ": `", constraint.left.to_string(), "` is ", left,
              constraint.at_least ? ", want at least `" : ", want `", constraint.right.to_string(), "`, which is ",
              right, " (with ", binding_text(binding), ")");
}

/// Section views of image bytes whose directory is known to be right.
SectionViews views_of(const rlx_lir_image& image, const std::byte* bytes, std::uint64_t graph_string_bytes) {
  SectionViews views;
  for (std::uint32_t kind = 1; kind < RLX_LIR_SECTION_KINDS; ++kind) {
    const rlx_lir_section& section = image.sections[kind];
    views[kind] = {kind, section.stride, section.count, bytes + section.offset};
  }
  views[RLX_LIR_STRINGS].count = graph_string_bytes;
  return views;
}

}  // namespace

struct ReadyImage::Body {
  Module module;
  std::vector<Constraint> constraints;

  Image base;
  rlx_lir_image sections{};
  std::uint64_t graph_string_bytes = 0;
  DimTape tape;
  std::vector<Patch> patches;
  std::vector<std::uint32_t> not_negative;  ///< slots
  std::vector<SizedValue> sized;
  std::vector<SlotConstraint> slot_constraints;
  std::vector<Life> lives;

  std::uint32_t word(std::uint32_t kind, std::uint64_t index, std::size_t offset) const {
    const rlx_lir_section& section = sections.sections[kind];
    return static_cast<std::uint32_t>((section.offset + index * section.stride + offset) / 8);
  }

  void add_fixups(const Draft& draft) {
    for (const Fixup& fixup : draft.fixups) {
      const std::uint32_t slot = tape.add(fixup.dim);
      if (fixup.not_negative) not_negative.push_back(slot);
      switch (fixup.field) {
        case Fixup::Field::kPool: patches.push_back({word(RLX_LIR_I64, fixup.index, 0), slot}); break;
        case Fixup::Field::kValueOffset:
          patches.push_back({word(RLX_LIR_VALUES, fixup.index, offsetof(rlx_lir_value, byte_offset)), slot});
          break;
        case Fixup::Field::kConstant: patches.push_back({word(RLX_LIR_CONSTANTS, std::uint64_t{fixup.index} * 8, 0), slot}); break;
        case Fixup::Field::kAttribute:
          patches.push_back({word(RLX_LIR_ATTRS, fixup.index, offsetof(rlx_lir_attr, value)), slot});
          break;
      }
    }
    for (const std::uint32_t value : draft.open_values) {
      const rlx_lir_value& record = draft.values[value];
      sized.push_back({word(RLX_LIR_VALUES, value, offsetof(rlx_lir_value, byte_size)),
                       word(RLX_LIR_I64, record.dims, 0), record.rank, rlx_dtype_bytes(record.dtype)});
    }
    for (const Constraint& constraint : constraints)
      slot_constraints.push_back({tape.add(constraint.left), tape.add(constraint.right), constraint.at_least});
  }

  /// Numbers into `words`; false where the slow path must say what is wrong.
  bool fill(const DimBinding& binding, std::uint64_t* words) const {
    std::vector<std::int64_t> sizes(tape.slots());
    if (!tape.evaluate(binding, sizes.data())) return false;
    for (const std::uint32_t slot : not_negative)
      if (sizes[slot] < 0) return false;
    for (const SlotConstraint& each : slot_constraints)
      if (!holds(sizes[each.left], sizes[each.right], each.at_least)) return false;
    for (const Patch& patch : patches) words[patch.word] = static_cast<std::uint64_t>(sizes[patch.slot]);
    for (const SizedValue& value : sized) {
      const auto* dims = reinterpret_cast<const std::int64_t*>(words + value.dims_word);
      if (!dense_bytes({dims, value.rank}, value.element_bytes, words[value.size_word])) return false;
    }
    return true;
  }

  bool fill_plan(std::uint64_t* words) const {
    std::vector<std::uint64_t> bytes(lives.size());
    for (std::size_t i = 0; i < lives.size(); ++i)
      bytes[i] = words[word(RLX_LIR_VALUES, lives[i].value, offsetof(rlx_lir_value, byte_size))];
    const PlanResult plan = plan_lives(lives, bytes, module.arena_alignment);
    if (plan.bytes > kMaxBytes) return false;
    words[word(RLX_LIR_ARENAS, 0, offsetof(rlx_lir_arena, bytes))] = plan.bytes;
    for (std::size_t i = 0; i < lives.size(); ++i)
      words[word(RLX_LIR_PLACES, lives[i].value, offsetof(rlx_lir_place, offset))] = plan.offsets[i];
    return true;
  }

  void fill_hashes(Image& image) const {
    auto* header = reinterpret_cast<rlx_lir_header*>(image.bytes().data());
    const SectionViews views = views_of(sections, image.bytes().data(), graph_string_bytes);
    const Hash128 graph = hash_graph(views);
    const Hash128 content = hash_content(graph, module.template_hash, views);
    header->graph_hash = {graph.low, graph.high};
    if (!module.open_constants.empty()) {  // data, not a number of the skeleton
      const Hash128 skeleton = hash_skeleton(views);
      header->skeleton_hash = {skeleton.low, skeleton.high};
    }
    header->content_hash = {content.low, content.high};
  }

  Result<Image> slow(const DimBinding& binding) const {
    for (const Constraint& constraint : constraints) RLX_TRY(check_constraint(constraint, binding));
    RLX_ASSIGN(Module bound, lir::bind(module, binding));
    bound.plan = plan_module(bound);
    if (bound.plan->arenas[0].bytes > kMaxBytes)
      return fail(ErrorCode::kConstraintViolated, "the temporaries need more than 2^63 bytes (with ", binding_text(binding), ")");
    return write_image(bound);
  }
};

ReadyImage::ReadyImage() : body_(std::make_unique<Body>()) {}
ReadyImage::~ReadyImage() = default;

Result<std::shared_ptr<const ReadyImage>> ReadyImage::make(Module module, std::vector<Constraint> constraints) {
  std::shared_ptr<ReadyImage> ready(new ReadyImage);
  Body& body = *ready->body_;
  body.module = std::move(module);
  body.constraints = std::move(constraints);
  body.lives = lives_of(body.module);
  Plan& plan = body.module.plan.emplace();
  plan.arenas.push_back({0, body.module.arena_alignment, 0});
  plan.places.resize(body.module.values.size());
  for (const Life& life : body.lives) plan.places[life.value] = {0, 0};
  RLX_ASSIGN(const Draft draft, draft_module(body.module, true));
  body.base = assemble(draft);
  body.graph_string_bytes = draft.graph_string_bytes;
  const Bytes bytes = std::as_const(body.base).bytes();
  RLX_CHECK(rlx_lir_open(&body.sections, bytes.data(), bytes.size(), nullptr) == RLX_STATUS_OK, "an image of our own");
  body.add_fixups(draft);
  return std::shared_ptr<const ReadyImage>(std::move(ready));
}

Result<Image> ReadyImage::instantiate(const DimBinding& binding) const {
  Image image = body_->base;
  auto* words = reinterpret_cast<std::uint64_t*>(image.bytes().data());
  if (!body_->fill(binding, words) || !body_->fill_plan(words)) return body_->slow(binding);
  body_->fill_hashes(image);
  return image;
}

}  // namespace rlx::lir
