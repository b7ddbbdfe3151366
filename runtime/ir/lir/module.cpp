// SPDX-License-Identifier: Apache-2.0
// LIR modules: whether symbols are open, and giving every symbol its size.
#include "runtime/ir/lir/module.h"

#include <algorithm>
#include <cstring>

#include "runtime/ir/lir/sizes.h"

namespace rlx::lir {
namespace {

bool all_numbers(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is_number(); });
}

bool is_bound(const AttrValue& attribute) {
  if (const Dim* dim = std::get_if<Dim>(&attribute)) return dim->is_number();
  if (const Dims* dims = std::get_if<Dims>(&attribute)) return all_numbers(*dims);
  return true;
}

bool is_bound(const Value& value) {
  return all_numbers(value.dims) && (!value.strides || all_numbers(*value.strides)) && value.byte_offset.is_number();
}

/// Replaces dims by numbers; remembers nothing between calls but the binding.
class Binder {
 public:
  explicit Binder(const DimBinding& binding) : binding_(binding) {}

  Status number(Dim& dim) const {
    if (dim.is_number()) return {};
    RLX_ASSIGN(const std::int64_t size, dim.evaluate(binding_));
    dim = Dim(size);
    return {};
  }

  Status numbers(Dims& dims) const {
    for (Dim& dim : dims) RLX_TRY(number(dim));
    return {};
  }

  /// Numbers that are sizes: none may be negative, their product must fit.
  Status sizes(Dims& dims, DType dtype) const {
    std::vector<std::int64_t> sizes;
    for (Dim& dim : dims) {
      const Dim open = dim;
      RLX_TRY(number(dim));
      if (dim.number() < 0)
        return fail(ErrorCode::kConstraintViolated, "dim ", sizes.size(), ", `", open.to_string(), "`, is ",
                    dim.number(), ", want 0 or more");
      sizes.push_back(dim.number());
    }
    std::uint64_t bytes = 0;
    if (!dense_bytes(sizes, rlx_dtype_bytes(static_cast<std::uint32_t>(dtype)), bytes))
      return fail(ErrorCode::kConstraintViolated, "the size of ", to_string(dims), " exceeds 2^63 bytes");
    return {};
  }

  Status value(Value& value) const {
    RLX_TRY(sizes(value.dims, value.dtype));
    if (value.strides) RLX_TRY(numbers(*value.strides));
    const Dim open = value.byte_offset;
    RLX_TRY(number(value.byte_offset));
    if (value.byte_offset.number() < 0)
      return fail(ErrorCode::kConstraintViolated, "the byte offset `", open.to_string(), "` is ",
                  value.byte_offset.number(), ", want 0 or more");
    return {};
  }

  Status attribute(AttrValue& attribute) const {
    if (Dim* dim = std::get_if<Dim>(&attribute)) return number(*dim);
    if (Dims* dims = std::get_if<Dims>(&attribute)) return numbers(*dims);
    return {};
  }

 private:
  const DimBinding& binding_;
};

Status within(Status status, std::string_view kind, std::size_t index, const std::string& name) {
  if (status) return {};
  return std::move(status).error().within(join(kind, " ", index, name.empty() ? "" : " `", name, name.empty() ? "" : "`"));
}

}  // namespace

bool is_bound(const Module& module) {
  for (const Value& value : module.values)
    if (!is_bound(value)) return false;
  for (const Op& op : module.ops)
    for (const auto& [key, attribute] : op.attributes)
      if (!is_bound(attribute)) return false;
  for (const ParamRef& param : module.params)
    if (!all_numbers(param.dims)) return false;
  for (const OpenConstant& constant : module.open_constants)
    if (!constant.size.is_number()) return false;
  return true;
}

Result<Module> bind(const Module& module, const DimBinding& binding) {
  Module bound = module;
  const Binder binder(binding);
  for (std::size_t i = 0; i < bound.values.size(); ++i)
    RLX_TRY(within(binder.value(bound.values[i]), "value", i, bound.values[i].name));
  for (std::size_t i = 0; i < bound.ops.size(); ++i)
    for (auto& [key, attribute] : bound.ops[i].attributes)
      RLX_TRY(within(binder.attribute(attribute), "op", i, bound.ops[i].name));
  for (std::size_t i = 0; i < bound.params.size(); ++i)
    RLX_TRY(within(binder.sizes(bound.params[i].dims, bound.params[i].dtype), "param", i, bound.params[i].name));
  for (OpenConstant& open : bound.open_constants) {
    RLX_TRY(within(binder.number(open.size), "constant", open.constant, {}));
    const std::int64_t size = open.size.number();
    auto& bytes = bound.constants[open.constant];
    bytes.resize(sizeof size);
    std::memcpy(bytes.data(), &size, sizeof size);
  }
  bound.open_constants.clear();
  return bound;
}

}  // namespace rlx::lir
