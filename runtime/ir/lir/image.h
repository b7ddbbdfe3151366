// SPDX-License-Identifier: Apache-2.0
// LIR image: bytes <-> module, the check of bytes from outside, and the ready image that a template keeps.
#pragma once

#include <memory>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/base/span.h"
#include "runtime/ir/lir/module.h"

namespace rlx::lir {

/// An image: 8-byte aligned bytes (std::uint64_t backs them).
class Image {
 public:
  Image() = default;
  explicit Image(std::size_t bytes) : words_((bytes + 7) / 8), bytes_(bytes) {}
  MutableBytes bytes() { return {reinterpret_cast<std::byte*>(words_.data()), bytes_}; }
  Bytes bytes() const { return {reinterpret_cast<const std::byte*>(words_.data()), bytes_}; }
  bool empty() const { return bytes_ == 0; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t bytes_ = 0;
};

struct ImageHashes {
  Hash128 content, graph, skeleton, template_hash;
};

/// Canonical bytes of a bound module; the same module gives the same bytes on every machine. Hashes are filled in.
/// Errors: kUnboundSymbol; kInvalidArgument for what an image cannot hold (rank above 8, a constant above 4 KiB).
Result<Image> write_image(const Module& module);

/// Module of an image that verify_image accepts. Errors: as verify_image.
Result<Module> read_image(Bytes bytes);

/// Everything that bytes from outside must keep before they may cross to a plugin: parts inside the image, ids in range,
/// defined before use, views inside their roots, sizes that match dims, plan places inside arenas and disjoint while
/// alive, regions well nested, attributes sorted, hashes right, unused bytes zero. `bytes` is 8-byte aligned.
/// Errors: kInvalidImage naming the record and the rule; kImageVersion.
Status verify_image(Bytes bytes);

/// Errors: kInvalidImage where there is no header.
Result<ImageHashes> image_hashes(Bytes bytes);

/// An image with open sizes: bytes, and a list of programs over the symbols that fill them. Immutable, shared by threads.
class ReadyImage {
 public:
  /// Writes `module` (symbols open) once. `constraints` are checked at every instantiate.
  static Result<std::shared_ptr<const ReadyImage>> make(Module module, std::vector<Constraint> constraints);
  /// Copy, evaluate, check, plan, hash: the same bytes as bind + plan + write_image.
  /// Errors: kUnboundSymbol, kConstraintViolated naming the reason, both sides and the binding.
  Result<Image> instantiate(const DimBinding& binding) const;

  ~ReadyImage();

 private:
  ReadyImage();
  struct Body;
  std::unique_ptr<Body> body_;
};

/// Sizes, lives and classes of the values of one schedule, as the planner wants them.
struct PlanItem {
  std::uint64_t bytes = 0;
  std::uint32_t first = 0;  ///< step that writes it
  std::uint32_t last = 0;   ///< last step that reads it
};
struct PlanResult {
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> offsets;
};
/// Offsets so that items whose lives overlap (first..last inclusive) never share a byte; offsets are multiples of
/// `alignment`. Deterministic; near-linear in items. Source: greedy by size, Pisarchyk & Lee 2020; above 1024 items one
/// sweep with an address-ordered free list.
PlanResult plan_items(std::span<const PlanItem> items, std::uint64_t alignment);

/// Plans a bound module: one arena, TEMP values of the main graph placed, roots kept alive by their views.
Plan plan_module(const Module& module);

}  // namespace rlx::lir
