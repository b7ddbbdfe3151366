// SPDX-License-Identifier: Apache-2.0
// What a ModelBuilder holds, and how its calls turn names, sizes, axes and operands into the IR's. Private to builder*.cpp.
#pragma once

#include <rlx/host/model.hpp>

#include <atomic>
#include <optional>
#include <set>

#include "runtime/base/check.h"
#include "runtime/ir/build.h"
#include "runtime/ir/graph.h"

namespace rlx {

/// The IR's expression of a public size. Errors: kParseError.
inline Result<Dim> to_dim(const Size& size) {
  if (size.expression().empty()) return Dim(size.number());
  return parse_dim(size.expression());
}

inline Size to_size(const Dim& dim) { return dim.is_number() ? Size(dim.number()) : Size(dim.to_string()); }

struct ModelBuilder::Body {
  explicit Body(std::string name) { graph.name = std::move(name); }

  /// The body of a builder; one that was moved from gets one that has failed.
  static Body& of(std::unique_ptr<Body>& body) {
    if (body) [[likely]] return *body;
    body = std::make_unique<Body>("");
    body->set_error(fail(ErrorCode::kInvalidArgument, "the builder was moved from: make another one"));
    return *body;
  }

  // A handle is the value's index below a number of its builder, which tells handles of different builders apart; 255
  // builders that were made one after the other have different ones, and none that of the absent handle.
  static constexpr std::uint32_t kIndexMask = 0x00FFFFFFu, kMostValues = kIndexMask + 1, kTags = 255;
  static std::uint32_t next_tag() {
    static std::atomic<std::uint32_t> next = 0;
    return next.fetch_add(1, std::memory_order_relaxed) % kTags * kMostValues;
  }

  const std::uint32_t tag = next_tag();
  Graph graph;
  MirBuilder mir{graph};
  std::optional<Error> error;
  std::set<std::string, std::less<>> names;
  std::vector<std::pair<std::string, std::uint32_t>> states;  ///< with their places among the inputs

  bool failed() const { return error.has_value(); }
  void set_error(Error fresh) {
    if (!error) error = std::move(fresh);
  }

  /// Runs `make` on the graph, unless an error stuck; whatever it throws or leaves in `mir` becomes the error.
  template <class Make>
  Handle record(std::string_view what, Make make) {
    if (failed()) return {};
    const auto made = guard([&]() -> Result<ValueId> {
      const ValueId id = make();
      RLX_TRY(mir.status());
      return id;
    });
    if (made && graph.values.size() <= kMostValues) return {tag | *made};
    if (made) set_error(fail(ErrorCode::kInvalidModel, what, ": more than ", kMostValues, " values in one builder"));
    if (failed()) return {};
    Error error = made.error();
    if (error.message().starts_with(join(what, ":"))) set_error(std::move(error));
    else set_error(std::move(error).within(what));
    return {};
  }

  /// The id of an operand; an operand of a failed call or another builder is an error.
  ValueId id(Handle handle, std::string_view what, bool optional = false) {
    const ValueId value = value_of(handle);
    if (value != kAbsent || (handle.id == kAbsent && (optional || failed()))) return value;
    const bool foreign = handle.id != kAbsent && (handle.id & ~kIndexMask) != tag;
    if (foreign) set_error(fail(ErrorCode::kInvalidModel, what, ": an operand is value ", handle.id & kIndexMask, " of another ModelBuilder, wanted one of this builder"));
    else set_error(fail(ErrorCode::kInvalidModel, what, ": an operand is no value of this builder"));
    return kAbsent;
  }

  /// kAbsent for what is no value of this builder.
  ValueId value_of(Handle handle) const {
    const std::uint32_t index = handle.id & kIndexMask;
    return (handle.id & ~kIndexMask) == tag && index < graph.values.size() ? index : kAbsent;
  }

  Dims dims(const Sizes& sizes, std::string_view what) {
    Dims result;
    for (const Size& size : sizes) {
      Result<Dim> dim = to_dim(size);
      if (!dim) {
        set_error(std::move(dim).error().within(what));
        return {};
      }
      std::vector<std::string> symbols;
      dim->collect_symbols(symbols);
      for (const std::string& symbol : symbols) graph.symbols.try_emplace(symbol);
      result.push_back(*dim);
    }
    return result;
  }

  /// Null for what is no value of this builder. Lifetime: until the next operation.
  const Shape* shape(Handle value) const { return value_of(value) != kAbsent ? &graph.values[value_of(value)].shape : nullptr; }
  std::size_t rank(ValueId value) const { return value == kAbsent ? 0 : graph.values[value].shape.rank(); }

  std::int64_t axis(std::int64_t axis, ValueId value, std::string_view what) {
    const auto rank = static_cast<std::int64_t>(this->rank(value));
    if (axis < -rank || axis >= rank)
      set_error(fail(ErrorCode::kInvalidAttribute, what, ": axis ", axis, " of a tensor of rank ", rank));
    return axis < 0 ? axis + rank : axis;
  }

  /// i64[rank]: `at`, an i64 scalar, on `axis` and zeros elsewhere.
  ValueId start(ValueId at, std::int64_t axis, std::size_t rank) {
    std::vector<ValueId> parts;
    for (std::size_t i = 0; i < rank; ++i) {
      const ValueId part = static_cast<std::int64_t>(i) == axis ? at : add_scalar_i64(graph, DType::kI64, 0);
      parts.push_back(mir.reshape(part, {1}));
    }
    return mir.concat(parts, 0);
  }

  bool claim_name(const std::string& name, std::string_view what) {
    if (names.insert(name).second) return true;
    set_error(fail(ErrorCode::kDuplicateName, what, " `", name, "`: the name is taken"));
    return false;
  }
};

}  // namespace rlx
