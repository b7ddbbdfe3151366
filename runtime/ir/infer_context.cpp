// SPDX-License-Identifier: Apache-2.0
// Checked access to a node's operands and attributes, and the comparison of dims.
#include "runtime/ir/infer_context.h"

#include <algorithm>

namespace rlx::infer_detail {

bool fits(DType dtype, Wants wants) {
  switch (wants) {
    case Wants::kAny:
      return dtype != DType::kNone;
    case Wants::kBool:
      return dtype == DType::kBool;
    case Wants::kInt:
      return is_int(dtype);
    case Wants::kIndex:
      return dtype == DType::kI32 || dtype == DType::kI64;
    case Wants::kFloat:
      return is_float(dtype);
    case Wants::kNumber:
      return is_float(dtype) || is_int(dtype);
    case Wants::kIntOrBool:
      return is_int(dtype) || dtype == DType::kBool;
    case Wants::kSigned:
      return is_float(dtype) || is_signed_int(dtype);
  }
  return false;
}

std::string_view wants_text(Wants wants) {
  switch (wants) {
    case Wants::kAny:
      return "a tensor";
    case Wants::kBool:
      return "bool";
    case Wants::kInt:
      return "an integer dtype";
    case Wants::kIndex:
      return "i32 or i64";
    case Wants::kFloat:
      return "a float dtype";
    case Wants::kNumber:
      return "an integer or float dtype";
    case Wants::kIntOrBool:
      return "an integer dtype or bool";
    case Wants::kSigned:
      return "a float or signed integer dtype";
  }
  return {};
}

std::string Context::who() const {
  std::string text;
  if (!node_.ns.empty())
    text = node_.ns + "." + std::to_string(node_.op);
  else if (const auto name = op_name(node_.op); !name.empty())
    text = name;
  else
    text = "op " + std::to_string(node_.op);
  if (const AttrValue* fn = node_.ns.empty() ? find(RLX_ATTR_FN) : nullptr) {
    const Dim* number = std::get_if<Dim>(fn);
    if (number && number->is_number())
      if (const auto name = fn_name(node_.op, number->number()); !name.empty())
        text += "." + std::string(name);
  }
  if (!node_.name.empty()) text += " `" + node_.name + "`";
  return text;
}

// ---- Operands
// ---------------------------------------------------------------------------------------------------------

Status Context::wants_count(std::size_t least, std::size_t most) const {
  if (count() < least || count() > most) {
    const std::string wanted =
        least == most ? std::to_string(least) : join(std::to_string(least), " to ", std::to_string(most));
    return error(ErrorCode::kInvalidModel, "has ", count(), " operands, wanted ", wanted);
  }
  for (std::size_t i = 0; i < least; ++i)
    if (!has(i)) return error(ErrorCode::kInvalidModel, "operand ", i, " is absent, wanted a tensor");
  return {};
}

Status Context::wants_dtype(std::size_t i, Wants wants) const {
  if (fits(at(i).dtype, wants)) return {};
  return error(ErrorCode::kDtypeMismatch, "operand ", i, " is ", to_string(at(i)), ", wanted ",
               wants_text(wants));
}

Status Context::wants_dtype(std::size_t i, DType dtype) const {
  if (at(i).dtype == dtype) return {};
  return error(ErrorCode::kDtypeMismatch, "operand ", i, " is ", to_string(at(i)), ", wanted dtype ",
               dtype_name(dtype));
}

Status Context::wants_same_dtype(std::size_t i, std::size_t as) const {
  if (at(i).dtype == at(as).dtype) return {};
  return error(ErrorCode::kDtypeMismatch, "operand ", i, " is ", to_string(at(i)), ", wanted dtype ",
               dtype_name(at(as).dtype), " as operand ", as);
}

Status Context::wants_rank(std::size_t i, std::size_t rank) const {
  if (at(i).rank() == rank) return {};
  return error(ErrorCode::kShapeMismatch, "operand ", i, " is ", to_string(at(i)), " of rank ", at(i).rank(),
               ", wanted rank ", rank);
}

Status Context::wants_rank_at_least(std::size_t i, std::size_t rank) const {
  if (at(i).rank() >= rank) return {};
  return error(ErrorCode::kShapeMismatch, "operand ", i, " is ", to_string(at(i)), " of rank ", at(i).rank(),
               ", wanted rank ", rank, " or more");
}

Status Context::wants_dims(std::size_t i, std::span<const Dim> dims) const {
  RLX_TRY(wants_rank(i, dims.size()));
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    RLX_TRY(unify(at(i).dims[axis], dims[axis], words("axis ", axis, " of operand ", i)));
  return {};
}

// ---- Dims
// -------------------------------------------------------------------------------------------------------------

void Context::constrain(Constraint constraint) const {
  for (const Constraint& known : constraints_)
    if (known.at_least == constraint.at_least && known.left == constraint.left &&
        known.right == constraint.right)
      return;
  constraints_.push_back(std::move(constraint));
}

Result<Dim> Context::unify_text(const Dim& seen, const Dim& wanted, std::string_view what) const {
  if (seen.is_number() && wanted.is_number())
    return error(ErrorCode::kShapeMismatch, what, " is ", seen.to_string(), ", wanted ", wanted.to_string());
  constrain(Constraint{seen, wanted, false, join(who(), ": ", what)});
  return seen.is_number() ? seen : wanted;
}

Status Context::at_least_text(const Dim& left, const Dim& right, std::string_view what) const {
  if (left.is_number() && right.is_number())
    return error(ErrorCode::kShapeMismatch, what, " is ", left.to_string(), ", wanted ", right.to_string(),
                 " or more");
  constrain(Constraint{left, right, true, join(who(), ": ", what)});
  return {};
}

// ---- Attributes
// -------------------------------------------------------------------------------------------------------

std::string Context::attribute_text(std::uint32_t key) {
  const auto name = attr_name(key);
  return name.empty() ? std::to_string(key) : std::string(name);
}

const AttrValue* Context::find(std::uint32_t key) const {
  const auto found = node_.attributes.find(key);
  return found == node_.attributes.end() ? nullptr : &found->second;
}

Result<std::int64_t> Context::integer(std::uint32_t key) const {
  RLX_ASSIGN(const Dim value, dim(key));
  if (!value.is_number()) return bad_attribute(key, "is ", value.to_string(), ", wanted a number");
  return value.number();
}

Result<std::int64_t> Context::integer(std::uint32_t key, std::int64_t otherwise) const {
  return find(key) ? integer(key) : Result<std::int64_t>(otherwise);
}

Result<std::int64_t> Context::choice(std::uint32_t key, std::int64_t otherwise, std::int64_t least,
                                     std::int64_t greatest) const {
  RLX_ASSIGN(const std::int64_t value, integer(key, otherwise));
  if (value < least || value > greatest)
    return bad_attribute(key, "is ", value, ", wanted ", least, " to ", greatest);
  return value;
}

Result<bool> Context::flag(std::uint32_t key, bool otherwise) const {
  RLX_ASSIGN(const std::int64_t value, choice(key, otherwise ? 1 : 0, 0, 1));
  return value == 1;
}

Result<Dim> Context::dim(std::uint32_t key) const {
  const AttrValue* value = find(key);
  if (!value) return bad_attribute(key, "is absent, wanted an integer");
  if (const Dim* found = std::get_if<Dim>(value)) return *found;
  return bad_attribute(key, "has another type, wanted an integer");
}

Result<Dims> Context::dims(std::uint32_t key) const {
  const AttrValue* value = find(key);
  if (!value) return bad_attribute(key, "is absent, wanted a list of integers");
  if (const Dims* found = std::get_if<Dims>(value)) return *found;
  return bad_attribute(key, "has another type, wanted a list of integers");
}

Result<Dims> Context::dims(std::uint32_t key, std::size_t size, const Dim& otherwise) const {
  if (!find(key)) return Dims(size, otherwise);
  RLX_ASSIGN(Dims list, dims(key));
  if (list.size() != size)
    return bad_attribute(key, "is ", to_string(list), " with ", list.size(), " entries, wanted ", size);
  return list;
}

Result<std::vector<std::int64_t>> Context::integers(std::uint32_t key) const {
  RLX_ASSIGN(const Dims list, dims(key));
  std::vector<std::int64_t> numbers;
  for (const Dim& entry : list) {
    if (!entry.is_number()) return bad_attribute(key, "is ", to_string(list), ", wanted numbers");
    numbers.push_back(entry.number());
  }
  return numbers;
}

Result<std::vector<std::int64_t>> Context::integers(std::uint32_t key, std::size_t size,
                                                    std::int64_t otherwise, std::int64_t least) const {
  if (!find(key)) return std::vector<std::int64_t>(size, otherwise);
  RLX_ASSIGN(std::vector<std::int64_t> list, integers(key));
  if (list.size() != size) return bad_attribute(key, "has ", list.size(), " entries, wanted ", size);
  for (const std::int64_t entry : list)
    if (entry < least) return bad_attribute(key, "has an entry ", entry, ", wanted ", least, " or more");
  return list;
}

Result<double> Context::real(std::uint32_t key, double otherwise) const {
  const AttrValue* value = find(key);
  if (!value) return otherwise;
  if (const double* found = std::get_if<double>(value)) return *found;
  return bad_attribute(key, "has another type, wanted a real number");
}

Result<DType> Context::dtype(std::uint32_t key) const {
  const AttrValue* value = find(key);
  if (!value) return bad_attribute(key, "is absent, wanted a dtype");
  const DType* found = std::get_if<DType>(value);
  if (!found || dtype_bytes(*found) == 0) return bad_attribute(key, "is none, wanted a dtype");
  return *found;
}

Result<std::size_t> Context::axis(std::uint32_t key, std::size_t rank) const {
  RLX_ASSIGN(const std::int64_t value, integer(key));
  if (value < 0 || value >= static_cast<std::int64_t>(rank))
    return bad_attribute(key, "is ", value, ", wanted an axis of rank ", rank, " (0 <= axis < ", rank, ")");
  return static_cast<std::size_t>(value);
}

Result<std::size_t> Context::axis(std::uint32_t key, std::size_t rank, std::int64_t otherwise) const {
  if (find(key)) return axis(key, rank);
  if (otherwise < 0 || otherwise >= static_cast<std::int64_t>(rank))
    return bad_attribute(key, "is absent and ", otherwise, " is no axis of rank ", rank);
  return static_cast<std::size_t>(otherwise);
}

Result<std::vector<std::size_t>> Context::axes(std::uint32_t key, std::size_t rank) const {
  RLX_ASSIGN(const std::vector<std::int64_t> list, integers(key));
  std::vector<std::size_t> result;
  for (const std::int64_t value : list) {
    if (value < 0 || value >= static_cast<std::int64_t>(rank))
      return bad_attribute(key, "names axis ", value, ", wanted axes of rank ", rank, " (0 <= axis < ", rank,
                           ")");
    const auto index = static_cast<std::size_t>(value);
    if (std::find(result.begin(), result.end(), index) != result.end())
      return bad_attribute(key, "names axis ", value, " twice, wanted each axis once");
    result.push_back(index);
  }
  return result;
}

Status Context::sizes_not_negative(std::span<const Dim> sizes, std::uint32_t key) const {
  for (const Dim& size : sizes) {
    if (size.is_number() && size.number() < 0)
      return bad_attribute(key, "is ", to_string(sizes), ", wanted no negative size");
    RLX_TRY(at_least(size, 0, words("a size in attribute ", attribute_text(key))));
  }
  return {};
}

Status Context::index_attributes(std::int64_t greatest_policy) const {
  RLX_TRY(choice(RLX_ATTR_INDEX_POLICY, RLX_INDEX_ERROR, 0, greatest_policy));
  RLX_TRY(flag(RLX_ATTR_NEGATIVE_INDICES, false));
  return {};
}

Result<std::uint32_t> Context::fn(std::uint32_t greatest) const {
  RLX_ASSIGN(const std::int64_t value, integer(RLX_ATTR_FN));
  if (value < 1 || value > greatest)
    return bad_attribute(RLX_ATTR_FN, "is ", value, ", wanted 1 to ", greatest);
  return static_cast<std::uint32_t>(value);
}

Result<std::size_t> Context::results_wanted(std::size_t least, std::size_t most,
                                            std::size_t otherwise) const {
  const std::size_t named = node_.results.size();
  if (named == 0) return otherwise;
  if (named < least || named > most)
    return error(ErrorCode::kInvalidModel, "has ", named, " results, wanted ", least, " to ", most);
  return named;
}

}  // namespace rlx::infer_detail
