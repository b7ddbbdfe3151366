// SPDX-License-Identifier: Apache-2.0
// A template on one device: the graph before and after optimising, its specializer and its weights.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <memory>
#include <string>

#include "runtime/compile/missed_fusions.h"
#include "runtime/compile/specialize.h"
#include "runtime/execute/device_body.h"
#include "runtime/execute/param_store.h"

namespace rlx {

class TemplateBody {
 public:
  /// Runs the passes. `options`: of complete_options. Weights of the model are staged by name; one that no param has is
  /// ignored. Errors: those of a pass; kMissedFusion where fusion is strict.
  static Result<std::shared_ptr<TemplateBody>> make(std::string name, const Model& model, const CompileOptions& options,
                                                    const std::shared_ptr<const DeviceBody>& device);

  std::shared_ptr<const DeviceBody> device;  ///< whose specializer and weights these are
  std::string name;
  CompileOptions options;
  std::shared_ptr<const Graph> hir;   ///< as it came
  std::shared_ptr<const Graph> graph; ///< optimised
  Hash128 hash;
  Hash128 identity;  ///< of name, hash and options: the same when the same template is built again
  BindingManifest manifest;
  std::vector<MissedFusion> missed;  ///< empty where fusing is off
  std::unique_ptr<Specializer> specializer;
  std::shared_ptr<ParamStore> params;
  std::shared_ptr<const ModelOrigin> origin;  ///< null where the model came from no package
};

}  // namespace rlx
