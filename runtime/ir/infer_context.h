// SPDX-License-Identifier: Apache-2.0
// What the inference functions share: the node at hand, checked access to its operands and attributes, and
// the three ways of comparing dims (proven, refuted, left to a constraint). Private to the room.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ir/graph.h"

namespace rlx::infer_detail {

using Shapes = std::vector<Shape>;

/// A piece of a message as text.
inline std::string piece(const Shape& shape) { return to_string(shape); }
inline std::string piece(std::span<const Dim> dims) { return to_string(dims); }
inline std::string piece(const Dims& dims) { return to_string(dims); }
inline std::string piece(const Dim& dim) { return dim.to_string(); }
template <class Text>
const Text& piece(const Text& text) {
  return text;
}

/// A message that is put together only where it is needed; used up before its pieces go. Calls nest.
template <class... Pieces>
auto words(const Pieces&... pieces) {
  return [&pieces...]() -> std::string {
    const auto text = [](const auto& one) {
      if constexpr (std::is_invocable_v<decltype(one)>)
        return one();
      else
        return piece(one);
    };
    return join(text(pieces)...);
  };
}

/// Classes of dtypes that an operand may have.
enum class Wants { kAny, kBool, kInt, kIndex, kFloat, kNumber, kIntOrBool, kSigned };

bool fits(DType dtype, Wants wants);
std::string_view wants_text(Wants wants);

/// One call of infer. Borrows everything.
class Context {
 public:
  Context(const Node& node, std::span<const Shape> operands, std::vector<Constraint>& constraints)
      : node_(node), operands_(operands), constraints_(constraints) {}

  const Node& node() const { return node_; }
  std::vector<Constraint>& constraints() const { return constraints_; }
  /// "binary.add `name`".
  std::string who() const;
  template <class... Pieces>
  Error error(ErrorCode code, const Pieces&... pieces) const {
    return fail(code, who(), ": ", join(pieces...));
  }
  template <class... Pieces>
  Error bad_attribute(std::uint32_t key, const Pieces&... pieces) const {
    return error(ErrorCode::kInvalidAttribute, "attribute ", attribute_text(key), " ", join(pieces...));
  }

  // ---- Operands
  // -----------------------------------------------------------------------------------------------------
  std::size_t count() const { return operands_.size(); }
  std::span<const Shape> operands() const { return operands_; }
  bool has(std::size_t i) const { return i < operands_.size() && operands_[i].dtype != DType::kNone; }
  const Shape& at(std::size_t i) const { return operands_[i]; }
  /// Between `least` and `most` operands, the first `least` of them present.
  Status wants_count(std::size_t least, std::size_t most) const;
  Status wants_count(std::size_t exact) const { return wants_count(exact, exact); }
  Status wants_dtype(std::size_t i, Wants wants) const;
  Status wants_dtype(std::size_t i, DType dtype) const;
  Status wants_same_dtype(std::size_t i, std::size_t as) const;
  Status wants_rank(std::size_t i, std::size_t rank) const;
  Status wants_rank_at_least(std::size_t i, std::size_t rank) const;
  Status wants_dims(std::size_t i, std::span<const Dim> dims) const;

  // ---- Dims: proven, refuted (an error), or a constraint; `what` gives the words for it, as words() does
  // ---------------
  /// `seen` and `wanted` are one size: the one that is a number, else `wanted`.
  template <class What>
  Result<Dim> unify(const Dim& seen, const Dim& wanted, const What& what) const {
    return seen == wanted ? Result<Dim>(seen) : unify_text(seen, wanted, what());
  }
  /// As unify, but a number 1 broadcasts to the other.
  template <class What>
  Result<Dim> broadcast(const Dim& a, const Dim& b, const What& what) const {
    if (a.is_number() && a.number() == 1) return b;
    if (b.is_number() && b.number() == 1) return a;
    return unify(a, b, what);
  }
  /// left >= right.
  template <class What>
  Status at_least(const Dim& left, const Dim& right, const What& what) const {
    return provably_at_least(left, right) ? Status{} : at_least_text(left, right, what());
  }

  // ---- Attributes
  // -----------------------------------------------------------------------------------------------------
  static std::string attribute_text(std::uint32_t key);
  const AttrValue* find(std::uint32_t key) const;
  Result<std::int64_t> integer(std::uint32_t key) const;
  Result<std::int64_t> integer(std::uint32_t key, std::int64_t otherwise) const;
  /// As integer, refused outside least..greatest.
  Result<std::int64_t> choice(std::uint32_t key, std::int64_t otherwise, std::int64_t least,
                              std::int64_t greatest) const;
  Result<bool> flag(std::uint32_t key, bool otherwise) const;
  Result<Dim> dim(std::uint32_t key) const;
  Result<Dims> dims(std::uint32_t key) const;
  /// A list of `size` entries; `otherwise` for each where it is absent.
  Result<Dims> dims(std::uint32_t key, std::size_t size, const Dim& otherwise) const;
  Result<std::vector<std::int64_t>> integers(std::uint32_t key) const;
  Result<std::vector<std::int64_t>> integers(std::uint32_t key, std::size_t size, std::int64_t otherwise,
                                             std::int64_t least) const;
  Result<double> real(std::uint32_t key, double otherwise) const;
  Result<DType> dtype(std::uint32_t key) const;
  /// An axis 0..rank-1.
  Result<std::size_t> axis(std::uint32_t key, std::size_t rank) const;
  Result<std::size_t> axis(std::uint32_t key, std::size_t rank, std::int64_t otherwise) const;
  /// A list of axes 0..rank-1, each once.
  Result<std::vector<std::size_t>> axes(std::uint32_t key, std::size_t rank) const;
  /// Sizes as an attribute names them: none negative.
  Status sizes_not_negative(std::span<const Dim> sizes, std::uint32_t key) const;
  /// INDEX_POLICY and NEGATIVE_INDICES hold what they may.
  Status index_attributes(std::int64_t greatest_policy) const;
  /// FN 1..greatest.
  Result<std::uint32_t> fn(std::uint32_t greatest) const;
  /// Results asked for by a node that names them already; `otherwise` where it names none.
  Result<std::size_t> results_wanted(std::size_t least, std::size_t most, std::size_t otherwise) const;

 private:
  Result<Dim> unify_text(const Dim& seen, const Dim& wanted, std::string_view what) const;
  Status at_least_text(const Dim& left, const Dim& right, std::string_view what) const;
  void constrain(Constraint constraint) const;

  const Node& node_;
  std::span<const Shape> operands_;
  std::vector<Constraint>& constraints_;
};

inline Result<Shapes> one(DType dtype, Dims dims) { return Shapes{Shape{dtype, std::move(dims)}}; }

using InferFunction = Result<Shapes> (*)(const Context&);

// ---- One per op, by family; infer.cpp holds the table
// -----------------------------------------------------------------
Result<Shapes> infer_copy(const Context&);
Result<Shapes> infer_unary(const Context&);
Result<Shapes> infer_binary(const Context&);
Result<Shapes> infer_compare(const Context&);
Result<Shapes> infer_select(const Context&);
Result<Shapes> infer_cast(const Context&);
Result<Shapes> infer_bitcast(const Context&);
Result<Shapes> infer_iota(const Context&);
Result<Shapes> infer_dim(const Context&);
Result<Shapes> infer_rng_bits(const Context&);
Result<Shapes> infer_act(const Context&);

Result<Shapes> infer_reshape(const Context&);
Result<Shapes> infer_transpose(const Context&);
Result<Shapes> infer_broadcast(const Context&);
Result<Shapes> infer_slice(const Context&);
Result<Shapes> infer_dynamic_slice(const Context&);
Result<Shapes> infer_dynamic_update_slice(const Context&);
Result<Shapes> infer_concat(const Context&);
Result<Shapes> infer_pad(const Context&);

Result<Shapes> infer_gather(const Context&);
Result<Shapes> infer_gather_elements(const Context&);
Result<Shapes> infer_gather_nd(const Context&);
Result<Shapes> infer_scatter_elements(const Context&);
Result<Shapes> infer_scatter_nd(const Context&);
Result<Shapes> infer_nonzero(const Context&);

Result<Shapes> infer_reduce(const Context&);
Result<Shapes> infer_arg_reduce(const Context&);
Result<Shapes> infer_cumulate(const Context&);
Result<Shapes> infer_top_k(const Context&);

Result<Shapes> infer_dot(const Context&);
Result<Shapes> infer_conv(const Context&);
Result<Shapes> infer_reduce_window(const Context&);
Result<Shapes> infer_avg_pool(const Context&);
Result<Shapes> infer_conv_act(const Context&);

Result<Shapes> infer_if(const Context&);
Result<Shapes> infer_while(const Context&);
Result<Shapes> infer_by_region(const Context&);

Result<Shapes> infer_linear(const Context&);
Result<Shapes> infer_softmax(const Context&);
Result<Shapes> infer_layer_norm(const Context&);
Result<Shapes> infer_rms_norm(const Context&);
Result<Shapes> infer_group_norm(const Context&);
Result<Shapes> infer_batch_norm(const Context&);
Result<Shapes> infer_attention(const Context&);
Result<Shapes> infer_rope(const Context&);
Result<Shapes> infer_gated_act(const Context&);
Result<Shapes> infer_embed_norm(const Context&);
Result<Shapes> infer_segment_reduce(const Context&);
Result<Shapes> infer_reserved(const Context&);

}  // namespace rlx::infer_detail
