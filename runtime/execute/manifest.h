// SPDX-License-Identifier: Apache-2.0
// Manifests of a graph: symbolic, and at a binding; and the binding that input shapes imply.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <span>

#include "runtime/ir/graph.h"

namespace rlx {

BindingManifest symbolic_manifest(const Graph& graph);
/// Errors: as Dim::evaluate.
Result<BindingManifest> numeric_manifest(const Graph& graph, const DimBinding& binding);

/// `known`: sizes that other tensors have given already (the states of a context).
/// Errors: those of Template::bind.
Result<Binding> bind_inputs(const Graph& graph, std::span<const NamedView> inputs, const Binding& known = {});
/// The graph's inputs that a caller gives: all but states and their length.
std::vector<ValueId> given_inputs(const Graph& graph);

/// "[2, 128]".
std::string dims_text(std::span<const std::int64_t> dims);
std::string dims_text(std::span<const Size> dims);

}  // namespace rlx
