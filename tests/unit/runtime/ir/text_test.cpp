// SPDX-License-Identifier: Apache-2.0
// The text form: what is printed reads back, golden file included; hostile text is refused in bounded time
// and memory.
#include "runtime/ir/text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "runtime/ir/verify.h"

namespace rlx {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(RLX_GOLDEN_FOLDER) + "/ir/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string error_of(std::string_view text) {
  const auto graph = parse_graph(text);
  if (graph) return "no error";
  EXPECT_EQ(graph.error().code(), ErrorCode::kParseError);
  return graph.error().message();
}

TEST(GraphText, GoldenFileReadsAndPrintsTheSame) {
  const std::string text = golden("forms.ir");
  ASSERT_FALSE(text.empty());
  const auto graph = parse_graph(text);
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_EQ(print(*graph), text);
}

TEST(GraphText, ReadsEveryPartOfTheGoldenFile) {
  const auto graph = parse_graph(golden("forms.ir"));
  ASSERT_TRUE(graph) << graph.error().to_string();
  EXPECT_EQ(graph->name, "forms");
  EXPECT_EQ(graph->values.size(), 12u);
  EXPECT_EQ(graph->symbols.at("seq"), (SymbolRange{0, 512}));
  EXPECT_EQ(graph->symbols.at("batch"), (SymbolRange{1, INT64_MAX}));
  EXPECT_EQ(graph->values[graph->inputs[1]].name, "key \"mask\"");
  EXPECT_EQ(graph->params[1].owned->size(), 16u);
  EXPECT_EQ(graph->params[0].owned, nullptr);
  const Node& vendor = graph->nodes[1];
  EXPECT_EQ(vendor.ns, "org.example");
  EXPECT_EQ(vendor.op, 7u);
  EXPECT_EQ(vendor.version, 3u);
  EXPECT_EQ(attr_i64(vendor, RLX_ATTR_ACT, -1), RLX_ACT_GELU_ERF);
  EXPECT_EQ(attr_f64s(vendor, RLX_ATTR_ALPHAS), (std::vector<double>{1.0, -0.5, 1e-12}));
  EXPECT_EQ(attr_f64(vendor, RLX_ATTR_EPS, 0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::get<std::string>(vendor.attributes.at(RLX_ATTR_LOG)), "a\\b\n");
  EXPECT_TRUE(std::holds_alternative<Dims>(vendor.attributes.at(4711)));
  EXPECT_TRUE(std::holds_alternative<std::vector<double>>(vendor.attributes.at(4712)));
  EXPECT_EQ(vendor.regions.at(0)->nodes[0].op, RLX_OP_BINARY);
  EXPECT_EQ(attr_i64(vendor.regions.at(0)->nodes[0], RLX_ATTR_FN, 0), RLX_BINARY_ADD);
  EXPECT_EQ(graph->nodes[0].operands[2], kAbsent);
  EXPECT_EQ(attr_dtype(graph->nodes[2], RLX_ATTR_TO, DType::kNone), DType::kF16);
  EXPECT_TRUE(graph->nodes[3].results.empty());
  EXPECT_EQ(graph->nodes[4].regions.size(), 2u);
  ASSERT_EQ(graph->states.size(), 1u);
  EXPECT_EQ(graph->states[0].input, 0u);
  EXPECT_EQ(graph->states[0].output, 0u);
  ASSERT_TRUE(graph->length);
  EXPECT_EQ(graph->length->input, 1u);
  EXPECT_EQ(graph->length->step, Dim::symbol("seq"));
  EXPECT_EQ(graph->length->capacity.to_string(), "max(batch, 2*seq)");
  EXPECT_FALSE(graph->constraints[0].at_least);
  EXPECT_TRUE(graph->constraints[1].at_least);
}

AttrValue random_attribute(std::mt19937& random) {
  const Dim s = Dim::symbol("inf"), t = Dim::symbol("f32");
  const auto dim = [&] {
    return Dim(static_cast<std::int64_t>(random())) * s - min(t, Dim(static_cast<int>(random() % 9)));
  };
  const auto real = [&] {
    const std::uint64_t bits = (std::uint64_t{random()} << 32) | random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return random() % 4 ? value : static_cast<double>(random() % 5);
  };
  switch (random() % 6) {
    case 0:
      return dim();
    case 1:
      return real();
    case 2:
      return static_cast<DType>(random() % 14);
    case 3:
      return random() % 2 ? Dims{} : Dims{dim(), 3};
    case 4:
      return random() % 2 ? std::vector<double>{} : std::vector<double>{real(), real()};
    default: {
      std::string text;
      for (auto size = random() % 6; size; --size) text += static_cast<char>(random());
      return text;
    }
  }
}

Graph random_graph(std::mt19937& random, int depth) {
  Graph graph;
  graph.name = depth ? "" : "g";
  const Dim s = Dim::symbol("s_1.x");
  graph.symbols["s_1.x"] = {static_cast<std::int64_t>(random() % 3),
                            INT64_MAX - static_cast<std::int64_t>(random() % 2)};
  graph.add_input("in", {DType::kF32, {s, 4}});
  graph.add_constant({DType::kU8, {2}}, {std::byte(random()), std::byte(7)});
  for (auto count = random() % 8; count; --count) {
    Node node;
    node.op = 1 + random() % 40;
    node.version = 1 + random() % 2;
    if (random() % 5 == 0) node.ns = "com.\"x\"";
    for (auto i = random() % 3; i; --i)
      node.operands.push_back(random() % 4 ? static_cast<ValueId>(random() % graph.values.size()) : kAbsent);
    for (auto i = random() % 4; i; --i) node.attributes[1 + random() % 70] = random_attribute(random);
    if (depth < 2)
      for (auto i = random() % 2; i; --i)
        node.regions.push_back(std::make_shared<const Graph>(random_graph(random, depth + 1)));
    graph.add_node(std::move(node),
                   std::vector<Shape>(random() % 3, Shape{DType::kI64, {s * s, Dim(2) - s}}));
    if (random() % 3 == 0) add_scalar(graph, static_cast<DType>(1 + random() % 13), 1.5);
  }
  graph.outputs.push_back({"o", 0});
  graph.constraints.push_back({s, Dim(4), random() % 2 == 0, "why \\ not"});
  return graph;
}

TEST(GraphText, PrintsWhatReadsBackToTheSameText) {
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    const Graph graph = random_graph(random, 0);
    const std::string text = print(graph);
    const auto again = parse_graph(text);
    ASSERT_TRUE(again) << again.error().to_string() << "\n" << text;
    ASSERT_EQ(print(*again), text);
    ASSERT_EQ(again->values.size(), graph.values.size());
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      ASSERT_EQ(again->nodes[n].operands, graph.nodes[n].operands);
      ASSERT_EQ(again->nodes[n].results, graph.nodes[n].results);
      for (const auto& [key, value] : graph.nodes[n].attributes)
        ASSERT_EQ(again->nodes[n].attributes.at(key).index(), value.index()) << text;
    }
  }
}

TEST(ParseGraph, ErrorsGiveLineAndColumn) {
  EXPECT_EQ(error_of("graph \"g\" {\n  output \"y\" 7\n}"), "line 2, column 14: `7`, wanted `%`");
  EXPECT_EQ(error_of("graph \"g\" {\n"),
            "line 2, column 1: the end, wanted symbol, input, param, const, a node, unused, output, state, "
            "length, require or `}`");
  EXPECT_NE(error_of("graph \"g\" {\n %0 = frobnicate() : f32[]\n}").find("line 2, column 7: `frobnicate"),
            std::string::npos);
  EXPECT_NE(error_of("graph \"g\" {\n input %0 f32[a $]\n}").find("line 2, column 15"), std::string::npos);
}

TEST(ParseGraph, RefusesWhatIsNoGraph) {
  const auto body = [](const std::string& text) { return error_of("graph \"g\" {\n" + text + "\n}\n"); };
  EXPECT_NE(body("input %4000000000 f32[]").find("each of %0 to %0 once"), std::string::npos);
  EXPECT_NE(body("input %0 f32[]\ninput %0 f32[]").find("once"), std::string::npos);
  EXPECT_NE(body("output \"y\" %3").find("a value of this graph"), std::string::npos);
  EXPECT_NE(body("symbol a 1..\nsymbol a 1..").find("each symbol once"), std::string::npos);
  EXPECT_NE(body("const %0 f32[] x123").find("even number"), std::string::npos);
  EXPECT_NE(body("input %0 f99[]").find("a dtype"), std::string::npos);
  EXPECT_NE(body("_ = copy(){axis=1, axis=2}").find("each attribute once"), std::string::npos);
  EXPECT_NE(body("_ = binary(){fn=.frob}").find("name of a function"), std::string::npos);
  EXPECT_NE(body("_ = copy(){axis=99999999999999999999}").find("a dim"), std::string::npos);
  EXPECT_NE(error_of("graph \"g\" {} x").find("the end"), std::string::npos);
  EXPECT_NE(error_of("graph \"g").find("wanted `\"`"), std::string::npos);
}

TEST(ParseGraph, SurvivesDepthAndDamage) {
  std::string deep = "graph \"g\" {\n";
  for (int i = 0; i < 100000; ++i) deep += "_ = copy() region \"\" {";
  EXPECT_NE(error_of(deep).find("levels of regions"), std::string::npos);
  const std::string text = golden("forms.ir");
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = text;
    for (auto edits = 1 + random() % 3; edits; --edits) {
      const std::size_t at = random() % damaged.size();
      if (random() % 3 == 0) {
        damaged.erase(at, 1 + random() % 20);
      } else {
        damaged[at] = "%_{}[](),=:@\"x0a.#\n"[random() % 19];
      }
    }
    if (const auto graph = parse_graph(damaged)) {
      const std::string once = print(*graph);
      const auto again = parse_graph(once);
      ASSERT_TRUE(again) << again.error().to_string() << once;
      ASSERT_EQ(print(*again), once);
      (void)static_cast<bool>(verify(*graph));
    }
  }
}

}  // namespace
}  // namespace rlx
