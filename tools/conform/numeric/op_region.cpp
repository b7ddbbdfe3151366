// SPDX-License-Identifier: Apache-2.0
// A graph with numbers for dims as a region of an image.
#include <algorithm>
#include <map>

#include "runtime/base/check.h"
#include "runtime/ir/build.h"
#include "tools/conform/numeric/op_cases.h"

namespace rlx::conform {
namespace {

/// A value of the graph in the image: element [0,..,0] lies `offset` elements into `root`.
struct Place {
  std::uint32_t root = RLX_NO_INDEX;
  Sizes dims, strides;
  std::int64_t offset = 0;
  DType dtype = DType::kNone;
  std::uint32_t value = RLX_NO_INDEX;  ///< once it is known in the image
};

class Lowering {
 public:
  Lowering(ImageBuilder& builder, const Graph& graph) : builder_(builder), graph_(graph), places_(graph.values.size()) {}

  Result<std::uint32_t> run() {
    for (const Value& value : graph_.values)
      for (const Dim& dim : value.shape.dims)
        if (!dim.is_number()) return fail(ErrorCode::kUnboundSymbol, "a region has the size `", dim.to_string(), "`, wanted a number");
    std::vector<std::uint32_t> params;
    for (const ValueId input : graph_.inputs) params.push_back(parameter(input));
    region_ = builder_.region(params);
    for (const Node& node : graph_.nodes) RLX_TRY(lower(node));
    std::vector<std::uint32_t> results;
    for (const Output& output : graph_.outputs) results.push_back(value_of(output.value));
    builder_.region_results(region_, results);
    return region_;
  }

 private:
  static Sizes sizes(const Dims& dims) {
    Sizes out;
    for (const Dim& dim : dims) out.push_back(dim.number());
    return out;
  }

  Place dense(std::uint32_t value, const Shape& shape) const {
    const Sizes dims = sizes(shape.dims);
    return {value, dims, reference::dense_strides(dims), 0, shape.dtype, value};
  }

  std::uint32_t parameter(ValueId id) {
    const Shape& shape = graph_.values[id].shape;
    if (shape.dtype == DType::kNone) return RLX_NO_INDEX;
    const std::uint32_t value = builder_.inner(shape.dtype, shape.dims);
    places_[id] = dense(value, shape);
    return value;
  }

  const Place& place_of(ValueId id) {
    Place& place = places_[id];
    const Value& value = graph_.values[id];
    if (place.root == RLX_NO_INDEX && value.kind == ValueKind::kConstant) {
      const std::vector<std::byte>& bytes = *graph_.constants[value.index].bytes;
      place = dense(builder_.constant(value.shape.dtype, value.shape.dims, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())),
                    value.shape);
    }
    return place;
  }

  std::uint32_t value_of(ValueId id) {
    if (id == kAbsent) return RLX_NO_INDEX;
    place_of(id);
    Place& place = places_[id];
    if (place.value == RLX_NO_INDEX) {
      const auto bytes = static_cast<std::int64_t>(dtype_bytes(place.dtype));
      place.value = builder_.view(place.root, Dims(place.dims.begin(), place.dims.end()), Dims(place.strides.begin(), place.strides.end()),
                                  place.offset * bytes);
    }
    return place.value;
  }

  /// The same elements where they lie row by row, copied if need be.
  Place in_order(ValueId id) {
    const Place place = place_of(id);
    if (place.strides == reference::dense_strides(place.dims) || reference::element_count(place.dims) <= 1) return place;
    const Shape& shape = graph_.values[id].shape;
    const std::uint32_t copy = builder_.inner(shape.dtype, shape.dims);
    builder_.op(RLX_OP_COPY, {value_of(id)}, {copy}, {}, {}, region_);
    return dense(copy, shape);
  }

  Place view_of(const Node& node) {
    Place place = node.op == RLX_OP_RESHAPE ? in_order(node.operands[0]) : place_of(node.operands[0]);
    const Sizes dims = sizes(graph_.values[node.results[0]].shape.dims);
    const Sizes strides = place.strides;
    place.value = RLX_NO_INDEX;
    if (node.op == RLX_OP_RESHAPE) {
      place.strides = reference::dense_strides(dims);
    } else if (node.op == RLX_OP_TRANSPOSE) {
      const std::vector<std::int64_t> perm = attr_i64s(node, RLX_ATTR_PERM);
      for (std::size_t axis = 0; axis < perm.size(); ++axis) place.strides[axis] = strides[static_cast<std::size_t>(perm[axis])];
    } else if (node.op == RLX_OP_BROADCAST) {
      const std::size_t lead = dims.size() - strides.size();
      place.strides.assign(dims.size(), 0);
      for (std::size_t axis = 0; axis < strides.size(); ++axis)
        if (place.dims[axis] == dims[lead + axis]) place.strides[lead + axis] = strides[axis];
    } else {
      const Dims start = attr_dims(node, RLX_ATTR_START), step = attr_dims(node, RLX_ATTR_STEP);
      for (std::size_t axis = 0; axis < strides.size(); ++axis) {
        if (!start.empty()) place.offset += start[axis].number() * strides[axis];
        if (!step.empty()) place.strides[axis] *= step[axis].number();
      }
    }
    place.dims = dims;
    return place;
  }

  Status lower(const Node& node) {
    const OpInfo* info = node.ns.empty() ? op_info(node.op) : nullptr;
    if (info && info->mir_only && node.op != RLX_OP_DIM) {
      places_[node.results[0]] = view_of(node);
      return {};
    }
    if (node.op == RLX_OP_DIM) {
      const Dim value = attr_dim(node, RLX_ATTR_VALUE, 0);
      if (!value.is_number()) return fail(ErrorCode::kUnboundSymbol, "a region asks for `", value.to_string(), "`, wanted a number");
      const std::int64_t number = value.number();
      const std::string bytes(reinterpret_cast<const char*>(&number), sizeof number);
      places_[node.results[0]] = dense(builder_.constant(DType::kI64, {}, bytes), graph_.values[node.results[0]].shape);
      return {};
    }
    std::vector<std::uint32_t> operands, results, regions;
    for (const ValueId id : node.operands) operands.push_back(value_of(id));
    for (const auto& graph : node.regions) {
      RLX_ASSIGN(const std::uint32_t region, add_region(builder_, *graph));
      regions.push_back(region);
    }
    for (const ValueId id : node.results) {
      const Shape& shape = graph_.values[id].shape;
      results.push_back(builder_.inner(shape.dtype, shape.dims));
      places_[id] = dense(results.back(), shape);
    }
    builder_.op(node.op, operands, results, node.attributes, regions, region_);
    return {};
  }

  ImageBuilder& builder_;
  const Graph& graph_;
  std::vector<Place> places_;
  std::uint32_t region_ = 0;
};

}  // namespace

Result<std::uint32_t> add_region(ImageBuilder& builder, const Graph& graph) { return Lowering(builder, graph).run(); }

Result<std::uint32_t> add_expansion(ImageBuilder& builder, Opcode op, std::span<const Shape> operands, const Attributes& attributes, std::size_t results) {
  RLX_ASSIGN(const auto graph, expansion(op, operands, attributes));
  Graph wanted = *graph;  // a result that nobody asks for is none of the region's
  if (wanted.outputs.size() > results) wanted.outputs.resize(results);
  return add_region(builder, wanted);
}

}  // namespace rlx::conform
