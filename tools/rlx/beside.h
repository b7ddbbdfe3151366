// SPDX-License-Identifier: Apache-2.0
// A model on a device beside the float64 reference: the same graph and data on both, and of every element how far the
// device's result is from the reference's, as a share of the error that the reference allows it.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <string>
#include <vector>

#include "distance.h"

namespace rlx_tool {

/// One output on both.
struct Compared {
  std::string name;
  rlx::Tensor got, expected;
  Distance distance;
};

class Beside {
 public:
  /// Errors: those of opening; those of finding the reference, which lies in lib/rlx/tools beside this program.
  static rlx::Result<Beside> open(rlx::Runtime& runtime, const std::string& device);
  const rlx::Device& device() const { return device_.device(); }
  /// The template on the device.
  rlx::Result<rlx::Template> device_template(const std::string& name, const rlx::Model& model) { return device_.build_template(name, model); }
  /// Compiles `model` three times (device, reference's values, its bounds) and runs it. Weights of `params` are set first,
  /// weights that nobody has are random, the same on both. Errors: those of the steps.
  rlx::Result<std::vector<Compared>> run(const std::string& name, const rlx::Model& model, const rlx::Binding& binding,
                                         const std::vector<rlx::NamedTensor>& inputs, const std::vector<rlx::NamedTensor>& params);

 private:
  Beside(rlx::ModelCompilePipeline device, rlx::ModelCompilePipeline reference) : device_(std::move(device)), reference_(std::move(reference)) {}
  rlx::ModelCompilePipeline device_, reference_;
};

}  // namespace rlx_tool
