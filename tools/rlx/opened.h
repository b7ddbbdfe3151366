// SPDX-License-Identifier: Apache-2.0
// What most subcommands begin with: a model, a device, a pipeline and the model's template on it, each step timed.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <string>
#include <vector>

#include "command.h"

namespace rlx_tool {

/// Binding of one line of a table, and "batch=8,seq=128" for it.
std::string binding_text(const rlx::Binding& binding);

/// --bind SYMBOL=N[,N...] (every combination of several) and --shape SYMBOL=N,SYMBOL=N (one shape each).
struct ShapeOptions {
  std::vector<std::string> binds, shapes;
  void describe(boost::program_options::options_description& options);
  /// Every binding asked for, in order, at least one (perhaps empty). Errors: kUsage.
  rlx::Result<std::vector<rlx::Binding>> bindings() const;
};

/// `binding` with every further symbol of the template at its least size, at least 1, or where the constraints want more at
/// the least size found that keeps them; each of those is said in `notes`.
rlx::Binding completed(rlx::ModelCompilePipeline& pipeline, const rlx::Template& from, rlx::Binding binding, std::vector<std::string>& notes);

/// Milliseconds of each step of opening.
struct OpenTimes {
  double load_ms = 0, device_ms = 0, template_ms = 0;
};

/// A model on a device.
struct Opened {
  rlx::Model model;
  rlx::Device device;
  rlx::ModelCompilePipeline pipeline;
  rlx::Template made;
  OpenTimes times;
};

/// Reads a model: text form for ".ir", ".hir" and ".mir" files, else as rlx::load_model. Errors: those of reading it.
rlx::Result<rlx::Model> read_model(const std::string& path);

/// Errors: those of the steps.
rlx::Result<Opened> open_model(const std::string& path, rlx::Runtime& runtime, const std::string& device,
                               const rlx::CompileOptions& options = {}, std::size_t capacity = 64, const rlx::Trace& trace = {});

/// Random weights for params that have none (a text model carries none); the same for the same name.
rlx::Status fill_params(const rlx::CompiledGraph& graph);

/// "86.7 MiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace rlx_tool
