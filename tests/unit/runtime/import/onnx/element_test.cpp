// SPDX-License-Identifier: Apache-2.0
// Arithmetic of sizes while importing.
#include "runtime/import/onnx/element.h"

#include <gtest/gtest.h>

#include "runtime/import/onnx/op_table.h"

namespace rlx::onnx_import {
namespace {

Element sym(const char* text) { return Element::size(Size(text)); }
Element num(std::int64_t value) { return Element::whole(value); }

std::string show(const std::optional<Element>& element) {
  if (!element) return "?";
  return element->is_expression() ? element->expression() : std::to_string(element->number());
}

TEST(OnnxElement, KeepsExpressionsInOneForm) {
  EXPECT_EQ(show(add(sym("seq"), num(1))), "seq + 1");
  EXPECT_EQ(show(sub(*add(sym("seq"), num(1)), num(1))), "seq");
  EXPECT_EQ(show(sub(sym("seq"), sym("seq"))), "0");
  EXPECT_EQ(show(div(*mul(sym("seq"), num(12)), num(12))), "seq");
  EXPECT_EQ(show(mul(sym("seq"), num(-2))), "-2*seq");
}

TEST(OnnxElement, KnowsWhatItCannotTell) {
  EXPECT_EQ(show(add(num(INT64_MAX), num(1))), "?");
  EXPECT_EQ(show(div(num(1), num(0))), "?");
  EXPECT_EQ(show(div(num(INT64_MIN), num(-1))), "?");
  EXPECT_EQ(show(div(*sub(sym("a"), sym("b")), num(2))), "?");  // rounding depends on the sign
  EXPECT_FALSE(less(sym("a"), sym("b")));
  EXPECT_FALSE(equal(sym("a"), num(3)));
}

TEST(OnnxElement, ComparesWhereEverySizeAgrees) {
  EXPECT_EQ(equal(sym("seq"), num(-1)), false);
  EXPECT_EQ(equal(sym("seq"), num(0)), false);
  EXPECT_EQ(equal(sym("seq"), sym("seq")), true);
  EXPECT_EQ(less(sym("seq"), *add(sym("seq"), num(1))), true);
  EXPECT_EQ(less(num(0), *mul(sym("a"), sym("b"))), true);
}

TEST(OnnxElement, StaysShort) {
  std::optional<Element> grown = sym("seq");
  for (int i = 0; grown && i < 200; ++i) grown = max(*mul(*grown, sym(i % 2 ? "a" : "b")), sym("c"));
  EXPECT_FALSE(grown);
}

TEST(OnnxSlice, ClampsNumbersButNotSymbols) {
  const auto bounds = [](const Element& size, const Element& start, const Element& end,
                         std::int64_t step = 1) {
    const auto both = slice_bounds(size, start, end, step);
    return both ? show(both->start) + ":" + show(both->limit) : std::string("?");
  };
  EXPECT_EQ(bounds(num(5), num(1), num(99)), "1:5");
  EXPECT_EQ(bounds(num(5), num(-99), num(-1)), "0:4");
  EXPECT_EQ(bounds(num(5), num(4), num(2)), "4:4");
  EXPECT_EQ(bounds(num(5), num(INT64_MAX), num(INT64_MIN), -1), "4:-1");
  EXPECT_EQ(bounds(num(512), num(0), sym("seq")), "0:seq");
  EXPECT_EQ(bounds(sym("seq"), num(0), num(INT64_MAX)), "0:seq");
  EXPECT_EQ(bounds(sym("seq"), num(-1), num(INT32_MAX)), "seq - 1:seq");
  EXPECT_EQ(bounds(sym("seq"), num(0), num(1)), "0:1");
  EXPECT_EQ(bounds(sym("seq"), num(0), num(3)), "0:min(3, seq)");
  EXPECT_EQ(bounds(*add(sym("past"), sym("seq")), sym("past"), num(INT64_MAX)), "past:past + seq");
}

}  // namespace
}  // namespace rlx::onnx_import
