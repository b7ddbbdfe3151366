// SPDX-License-Identifier: Apache-2.0
// Reads the image again: only after a run has failed.
#include "runtime/execute/op_text.h"

#include "runtime/ir/lir/image.h"

namespace rlx {
namespace {

/// "param `table`"; empty for what an op of the image made.
std::string tensor_text(const lir::Module& module, std::uint32_t id) {
  if (id >= module.values.size()) return {};
  const lir::Value& value = module.values[id];
  const std::uint32_t root = value.storage == lir::Storage::kView ? value.index : id;
  for (const lir::ParamRef& param : module.params)
    if (param.value == root && !param.owned) return join("param `", param.name, "`");
  for (const lir::Io& input : module.inputs)
    if (input.value == root) return join("input `", input.name, "`");
  return {};
}

std::string reads(const lir::Module& module, const lir::Op& op) {
  std::string text;
  for (const std::uint32_t operand : op.operands) {
    const std::string name = tensor_text(module, operand);
    if (!name.empty() && text.find(name) == std::string::npos) text += join(text.empty() ? "" : " and ", name);
  }
  return text;
}

}  // namespace

std::string op_text(Bytes image, std::uint32_t op_index) {
  const Result<lir::Module> module = lir::read_image(image);
  if (!module || op_index >= module->ops.size()) return {};
  const lir::Op& op = module->ops[op_index];
  std::string text = op.ns.empty() ? join("`", op_name(op.opcode), "`") : join("`", op.ns, ".", op_name(op.opcode), "`");
  if (!op.name.empty()) text += join(" (", op.name, ")");
  if (const std::string tensors = reads(*module, op); !tensors.empty()) text += join(", which reads ", tensors);
  return text;
}

Error with_op(Error error, std::string_view template_name, Bytes image, std::uint32_t op_index) {
  const std::string op = op_text(image, op_index);
  return std::move(error).within(op.empty() ? join("template `", template_name, "`") : join("template `", template_name, "`: ", op));
}

}  // namespace rlx
