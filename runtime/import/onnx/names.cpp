// SPDX-License-Identifier: Apache-2.0
#include "runtime/import/onnx/names.h"

#include <cstdint>

namespace rlx::onnx_import {
namespace {

/// Bytes of the character at `at`; 0 where none is well formed: no overlong forms, no surrogates, nothing past U+10FFFF.
/// Source: Unicode 15, table 3-7, well-formed byte sequences.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t count = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80, most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (count == 0 || byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < count; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return count;
}

Status check_name(std::string_view text, std::string_view what, int index, std::string_view part = "its name") {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text, at);
    if (bytes == 0)
      return malformed(std::string(what) + " " + std::to_string(index) + ": " + std::string(part) + " is not UTF-8 from byte " + std::to_string(at) +
                       " on (of " + std::to_string(text.size()) + ")");
    at += bytes;
  }
  return {};
}

template <class Values>
Status check_values(const Values& values, std::string_view what) {
  for (int i = 0; i < values.size(); ++i)
    if (Status status = check_name(values[i].name(), what, i); !status) return status;
  return {};
}

template <class Names>
Status check_list(const Names& names, int node, const char* what) {
  for (int i = 0; i < names.size(); ++i)
    if (Status status = check_name(names[i], "node", node, std::string(what) + " " + std::to_string(i)); !status) return status;
  return {};
}

}  // namespace

Status check_names(const onnx::GraphProto& graph) {
  if (Status status = check_values(graph.input(), "input"); !status) return status;
  if (Status status = check_values(graph.output(), "output"); !status) return status;
  if (Status status = check_values(graph.initializer(), "initialiser"); !status) return status;
  for (int i = 0; i < graph.node_size(); ++i) {
    const onnx::NodeProto& node = graph.node(i);
    if (Status status = check_name(node.name(), "node", i); !status) return status;
    if (Status status = check_name(node.op_type(), "node", i, "its operator"); !status) return status;
    if (Status status = check_name(node.domain(), "node", i, "its domain"); !status) return status;
    if (Status status = check_list(node.input(), i, "operand"); !status) return status;
    if (Status status = check_list(node.output(), i, "result"); !status) return status;
  }
  return {};
}

}  // namespace rlx::onnx_import
