// SPDX-License-Identifier: Apache-2.0
// What the inference tests share: shapes and dims from text, attributes in short, and a row of a table.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/ir/infer.h"

namespace rlx::test {

/// "f32[b, s + 1, 4]"; "none" is an absent operand.
inline Shape shape(const std::string& text) {
  if (text == "none") return {};
  const auto open = text.find('[');
  Shape result{dtype_from_name(text.substr(0, open)), {}};
  EXPECT_NE(result.dtype, DType::kNone) << text;
  int depth = 0;
  std::string part;
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if ((c == ',' && depth == 0) || c == ']') {
      if (!part.empty()) result.dims.push_back(parse_dim(part).value());
      part.clear();
    } else if (c != ' ' || !part.empty()) {
      part += c;
    }
  }
  return result;
}

inline std::vector<Shape> shapes(const std::vector<std::string>& texts) {
  std::vector<Shape> result;
  for (const std::string& text : texts) result.push_back(shape(text));
  return result;
}

inline Dim d(const std::string& text) { return parse_dim(text).value(); }

inline Dims ds(const std::vector<std::string>& texts) {
  Dims dims;
  for (const std::string& text : texts) dims.push_back(d(text));
  return dims;
}

inline Node node_of(Opcode op, Attributes attributes = {}) {
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  return node;
}

inline std::vector<std::string> texts(const std::vector<Shape>& list) {
  std::vector<std::string> result;
  for (const Shape& shape : list) result.push_back(to_string(shape));
  return result;
}

/// "left == right" or "left >= right".
inline std::vector<std::string> texts(const std::vector<Constraint>& list) {
  std::vector<std::string> result;
  for (const Constraint& constraint : list)
    result.push_back(constraint.left.to_string() + (constraint.at_least ? " >= " : " == ") +
                     constraint.right.to_string());
  return result;
}

/// One way of using an op: results and constraints where it is right, words of the message where it is wrong.
struct Row {
  std::string what;
  Opcode op;
  std::vector<std::string> operands;
  Attributes attributes;
  std::vector<std::string> results;
  std::vector<std::string> constraints = {};
};

struct WrongRow {
  std::string what;
  Opcode op;
  std::vector<std::string> operands;
  Attributes attributes;
  ErrorCode code;
  std::vector<std::string> words;  ///< beside the op's name
};

inline void expect_row(const Row& row) {
  SCOPED_TRACE(std::string(op_name(row.op)) + ": " + row.what);
  std::vector<Constraint> constraints;
  const auto result = infer(node_of(row.op, row.attributes), shapes(row.operands), constraints);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(texts(*result), texts(shapes(row.results)));
  EXPECT_EQ(texts(constraints), row.constraints);
}

inline void expect_wrong(const WrongRow& row) {
  SCOPED_TRACE(std::string(op_name(row.op)) + ": " + row.what);
  std::vector<Constraint> constraints;
  Node node = node_of(row.op, row.attributes);
  node.name = "here";
  const auto result = infer(node, shapes(row.operands), constraints);
  ASSERT_FALSE(result) << to_string(result->front());
  const std::string& message = result.error().message();
  EXPECT_EQ(code_text(result.error().code()), code_text(row.code)) << message;
  EXPECT_NE(message.find(op_name(row.op)), std::string::npos) << message;
  EXPECT_NE(message.find("`here`"), std::string::npos) << message;
  for (const std::string& word : row.words)
    EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
}

}  // namespace rlx::test
