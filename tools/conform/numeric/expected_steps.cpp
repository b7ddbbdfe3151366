// SPDX-License-Identifier: Apache-2.0
// What is right for several runs that hand state on.
#include <cstring>
#include <map>
#include <sstream>

#include "runtime/reference/interpreter.h"
#include "runtime/reference/round.h"
#include "tools/conform/numeric/expected.h"

namespace rlx::conform {
namespace {

using reference::Program;


std::vector<std::uint64_t> words_of(const std::string& image) {
  std::vector<std::uint64_t> words((image.size() + 7) / 8);
  std::memcpy(words.data(), image.data(), image.size());
  return words;
}

Bytes view(const std::string& bytes) { return std::as_bytes(std::span(bytes.data(), bytes.size())); }

std::string written(const reference::Tensor& tensor) {
  std::string bytes(tensor.count() * dtype_bytes(tensor.dtype), '\0');
  reference::write_values(tensor, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

class Sequence {
 public:
  explicit Sequence(const std::vector<std::string>& params) : params_(params) {}

  Status run(std::size_t step, std::size_t image, std::vector<reference::Tensor>& out) {
    RLX_TRY(load(image));
    const lir::Module& module = programs_[image].module();
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < module.inputs.size(); ++i) {
      RLX_ASSIGN(std::string bytes, read_bytes("step" + std::to_string(step) + ".in" + std::to_string(i)));
      const auto state = states_.find(module.inputs[i].name);
      inputs.push_back(state == states_.end() ? std::move(bytes) : state->second);
    }
    reference::RunMemory memory;
    for (const std::string& bytes : inputs) memory.inputs.push_back(view(bytes));
    for (const lir::ParamRef& param : module.params) {
      if (param.set_index >= params_.size()) return fail(ErrorCode::kInvalidArgument, "no entry ", param.set_index);
      memory.params.push_back(view(params_[param.set_index]));
    }
    reference::RunOptions options;
    options.bounds = true;
    RLX_ASSIGN(const std::vector<reference::TensorPtr> outputs, programs_[image].run_bounds(memory, options));
    for (const lir::StatePair& pair : module.states) states_[module.inputs[pair.input].name] = written(*outputs[pair.output]);
    for (const reference::TensorPtr& tensor : outputs) out.push_back(*tensor);
    return {};
  }

 private:
  Status load(std::size_t image) {
    while (programs_.size() <= image) {
      RLX_ASSIGN(const std::string bytes, read_bytes("image" + std::to_string(programs_.size()) + ".lir"));
      const std::vector<std::uint64_t> words = words_of(bytes);
      RLX_ASSIGN(Program program, Program::make({reinterpret_cast<const std::byte*>(words.data()), bytes.size()}));
      programs_.push_back(std::move(program));
    }
    return {};
  }

  const std::vector<std::string>& params_;
  std::vector<Program> programs_;
  std::map<std::string, std::string> states_;
};

}  // namespace

Result<std::vector<reference::Tensor>> expected_of_steps(const std::vector<std::string>& params) {
  RLX_ASSIGN(const std::string lines, read_bytes("steps"));
  std::istringstream stream(lines);
  Sequence sequence(params);
  std::vector<reference::Tensor> out;
  std::size_t image = 0;
  for (std::size_t step = 0; stream >> image; ++step) RLX_TRY(sequence.run(step, image, out));
  return out;
}

std::uint32_t output_count(const std::string& image) {
  const std::vector<std::uint64_t> words = words_of(image);
  rlx_lir_image reader;
  if (rlx_lir_open(&reader, words.data(), image.size(), nullptr) != RLX_STATUS_OK) return 0;
  return static_cast<std::uint32_t>(rlx_lir_count(&reader, RLX_LIR_OUTPUTS));
}

}  // namespace rlx::conform
