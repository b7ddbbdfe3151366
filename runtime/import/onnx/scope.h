// SPDX-License-Identifier: Apache-2.0
// The values of the graph that is being imported, by name: known elements, weights of the file, or handles of
// the builder. A handle is made when the first node needs one, so what folds away leaves no trace in the
// model.
#pragma once

#include <rlx/host/model.hpp>

#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/import/onnx/known.h"

namespace rlx::onnx_import {

class Scope {
 public:
  explicit Scope(ModelBuilder& builder) : builder_(builder) {}

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  void define(const std::string& name, Handle handle) { values_[name].handle = handle; }
  void define(const std::string& name, Known known) { values_[name].known = std::move(known); }
  /// An initialiser, or the tensor of a Constant node. Small integers and scalars become known values and
  /// constants of the model; everything else is a weight: a param of this name.
  void define(const std::string& name, TensorData data, bool from_node);
  /// `name` is `other`.
  void alias(const std::string& name, const std::string& other) {
    values_[name] = values_[other];
    aliases_[name] = root(other);
  }

  /// Known elements that folding may use; null where there are none.
  const Known* known(const std::string& name) const;
  /// As known, but small weights too: for operands that say how, not what (scales of Resize).
  const Known* readable(const std::string& name);
  Handle handle(const std::string& name);
  DType dtype(const std::string& name) const;
  Sizes dims(const std::string& name) const;

  /// Sources of the params that were made.
  std::vector<ParamSource> take_weights() { return std::move(weights_); }

 private:
  struct Value {
    std::optional<Handle> handle;
    std::optional<Known> known;
    std::optional<TensorData> data;
    bool constant = false;  ///< of data: goes into the model
  };
  const std::string& root(const std::string& name) const;
  Handle made(const std::string& name, const Value& value);
  Handle built(const Known& known);

  ModelBuilder& builder_;
  std::unordered_map<std::string, Value> values_;
  std::unordered_map<std::string, std::string> aliases_;
  std::unordered_map<std::string, Known> read_;
  std::vector<ParamSource> weights_;
};

}  // namespace rlx::onnx_import
