// SPDX-License-Identifier: Apache-2.0
// What `rlx verify` and `rlx bisect` share: their options, and the model with its data.
#pragma once

#include <string>
#include <vector>

#include "beside.h"
#include "command.h"
#include "opened.h"

namespace rlx_tool {

struct VerifyOptions {
  SearchOptions search;
  ShapeOptions shapes;
  std::string model, device, input;
  std::vector<std::string> fills;
  std::uint64_t seed = 0;
  bool json = false;
  void describe(boost::program_options::options_description& options);
};

/// A model beside the reference, with everything that a run needs.
struct VerifyCase {
  Beside beside;
  rlx::Model model;
  rlx::Template made;  ///< on the device
  rlx::Binding binding;
  std::vector<rlx::NamedTensor> inputs, params;  ///< params: weights that --input names
  std::vector<std::string> notes;
};

/// Reads, opens, binds, fills. Errors: those of the steps; kUsage.
rlx::Result<VerifyCase> open_case(const VerifyOptions& options, rlx::Runtime& runtime);

}  // namespace rlx_tool
