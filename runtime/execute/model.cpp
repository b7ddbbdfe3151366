// SPDX-License-Identifier: Apache-2.0
// Model and its text form; the table of dtypes' public names lives in ir/dtype.cpp.
#include <rlx/host/model.hpp>

#include "runtime/base/check.h"
#include "runtime/execute/nothing.h"
#include "runtime/ir/graph.h"
#include "runtime/ir/text.h"
#include "runtime/ir/verify.h"

namespace rlx {

Model::Model(std::shared_ptr<const Graph> graph, std::vector<ParamSource> weights)
    : graph_(std::move(graph)), weights_(std::move(weights)) {}

const Graph& Model::graph() const { return graph_ ? *graph_ : nothing<Graph>(); }
std::string Model::to_text() const { return graph_ ? print(*graph_) : std::string(); }

Result<Model> model_from_text(std::string_view text, std::vector<ParamSource> weights) {
  return guard([&]() -> Result<Model> {
    RLX_ASSIGN(Graph graph, parse_graph(text));
    RLX_TRY(verify(graph));
    return Model(std::make_shared<const Graph>(std::move(graph)), std::move(weights));
  });
}

}  // namespace rlx
