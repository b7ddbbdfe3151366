// SPDX-License-Identifier: Apache-2.0
// Graphs as text, cut into runs of ops that are models of their own.
#include "tools/rlx/segments.h"

#include <gtest/gtest.h>

namespace rlx_tool {
namespace {

const char kGraph[] = R"(graph "case" {
  symbol n 1..
  input %0 "x" f32[n, 8]
  param %1 "w" f32[8, 4]
  const %9 f32[] x0000803f
  %2 = linear(%0, %1){parts=1, w_layout=0} : f32[n, 4]
    region "" {
      input %0 "x0" f32[n, 8]
      %2 = dot(%0, %1){contract_a=[1]} : f32[n, 4]
      output "y0" %2
    }
  %3, %4 = split(%2){to=:f32} : f32[n, 2], i64[n, 2]
  %5 = elementwise(%3, %9, %0) : f32[n, 2]
  output "y" %5
  require 512 >= n "a reason"
}
)";

TEST(Segments, ReadsTheOpsOfAGraph) {
  const auto graph = read_graph(kGraph);
  ASSERT_TRUE(graph) << graph.error().message();
  ASSERT_EQ(graph->ops.size(), 3u);
  EXPECT_EQ(graph->ops[0].kind, "linear");
  EXPECT_EQ(graph->ops[0].operands, (std::vector<std::string>{"%0", "%1"}));
  EXPECT_NE(graph->ops[0].text.find("output \"y0\" %2"), std::string::npos);
  EXPECT_EQ(graph->ops[1].results, (std::vector<std::string>{"%3", "%4"}));
  EXPECT_EQ(graph->ops[1].types, (std::vector<std::string>{"f32[n, 2]", "i64[n, 2]"}));
  EXPECT_EQ(quoted_name(graph->constants.at("%1")), "w");
}

TEST(Segments, AreGraphsOfTheirOwn) {
  const auto graph = read_graph(kGraph);
  ASSERT_TRUE(graph);
  const Segment all = segment_of(*graph, 0, 3);
  EXPECT_EQ(all.inputs, std::vector<std::string>{"%0"});
  EXPECT_EQ(all.outputs, (std::vector<std::string>{"%2", "%3", "%4", "%5"}));
  const Segment last = segment_of(*graph, 2, 3);
  EXPECT_EQ(last.text, "graph \"case\" {\n  symbol n 1..\n  input %0 \"v3\" f32[n, 2]\n  input %2 \"x\" f32[n, 8]\n  const %1 f32[] x0000803f\n"
                       "  %3 = elementwise(%0, %1, %2) : f32[n, 2]\n  output \"v5\" %3\n  require 512 >= n \"a reason\"\n}\n");
  EXPECT_EQ(last.inputs, (std::vector<std::string>{"%3", "%0"}));
}

TEST(Segments, RefuseWhatTheyDoNotUnderstand) {
  for (const char* text : {"x", "graph \"g\" {\n  state %0 \"s\" f32[2]\n}\n", "graph \"g\" {\n    deep\n}\n", "graph \"g\" {\n  %1 = broken\n}\n",
                           "graph \"g\" {\n  %1 = f(%0) : f32[2], f32[2]\n}\n"})
    EXPECT_FALSE(read_graph(text)) << text;
  EXPECT_TRUE(read_graph("")->ops.empty());
}

}  // namespace
}  // namespace rlx_tool
