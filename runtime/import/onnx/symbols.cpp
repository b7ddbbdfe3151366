// SPDX-License-Identifier: Apache-2.0
// dim_params are free text; symbols are identifiers.
#include "runtime/import/onnx/symbols.h"

#include <algorithm>
#include <cctype>

namespace rlx::onnx_import {
namespace {

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool continues_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

bool is_function(const std::string& name) {
  static const std::set<std::string> functions = {"min", "max", "mod", "floordiv", "ceildiv"};
  return functions.count(name) != 0;
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 200 && starts_name(text[0]) &&
         std::all_of(text.begin(), text.end(), continues_name) && !is_function(text);
}

std::string as_name(const std::string& text) {
  std::string name;
  for (const char c : text.substr(0, 100)) name += continues_name(c) ? c : '_';
  if (name.empty() || !starts_name(name[0])) name = "d" + name;
  return is_function(name) ? name + "_" : name;
}

/// Names, numbers, + - * and parentheses, every name among `known`.
bool is_expression(const std::string& text, const std::set<std::string>& known) {
  if (text.size() > 200) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (starts_name(text[i])) {
      const std::size_t first = i;
      while (i < text.size() && continues_name(text[i])) ++i;
      if (!known.count(text.substr(first, i - first))) return false;
    } else if (std::string_view(" +-*()0123456789").find(text[i]) != std::string_view::npos) {
      ++i;
    } else {
      return false;
    }
  }
  // What the runtime cannot read as a size is a name after all.
  ModelBuilder scratch;
  scratch.input("x", DType::kF32, {Size(text)});
  return !scratch.failed();
}

}  // namespace

SymbolNames::SymbolNames(const onnx::GraphProto& graph) {
  for (const auto& input : graph.input())
    for (const auto& dim : input.type().tensor_type().shape().dim())
      if (is_name(dim.dim_param())) plain_.insert(dim.dim_param());
  taken_ = plain_;
}

std::string SymbolNames::symbol(const std::string& param) {
  if (plain_.count(param)) return param;
  if (const auto known = names_.find(param); known != names_.end()) return known->second;
  std::string name = is_expression(param, plain_) ? param : as_name(param);
  while (name != param && !taken_.insert(name).second) name += "_";
  return names_[param] = name;
}

Result<Sizes> SymbolNames::dims_of(const onnx::ValueInfoProto& input) {
  Sizes dims;
  const auto& shape = input.type().tensor_type().shape();
  for (int i = 0; i < shape.dim_size(); ++i) {
    const auto& dim = shape.dim(i);
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return malformed("input `" + printable(input.name()) + "` has a dim of " +
                       std::to_string(dim.dim_value()) + ", wanted 0 or more");
    if (dim.has_dim_value()) {
      dims.emplace_back(dim.dim_value());
      continue;
    }
    const bool named = dim.has_dim_param() && !dim.dim_param().empty();
    dims.emplace_back(symbol(named ? dim.dim_param() : as_name(input.name()) + "_dim" + std::to_string(i)));
  }
  return dims;
}

}  // namespace rlx::onnx_import
