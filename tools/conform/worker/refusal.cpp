// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/refusal.h"

#include <cstring>

#include "tools/conform/shared/protocol.h"

namespace rlx::conform {
namespace {

/// Opcodes from here on are those of composites, which have a region to be expanded to.
constexpr std::uint32_t kFirstComposite = 256;

bool ask_again(Session& session, const Model& model, std::vector<rlx_verdict>& verdicts) {
  const std::vector<rlx_option> options = model.options().rows();
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.options = options.empty() ? nullptr : options.data();
  in.option_count = static_cast<std::uint32_t>(options.size());
  in.option_stride = options.empty() ? 0 : sizeof(rlx_option);
  in.image = model.image().data();
  in.image_bytes = model.image().size();
  in.verdict_stride = sizeof(rlx_verdict);
  in.verdicts = verdicts.data();
  in.verdict_count = verdicts.size();
  auto out = roomy<rlx_query_support_out>();
  return session.tables().compile->query_support(session.device(), &in, &out, nullptr) == RLX_STATUS_OK;
}

/// Why op `verdict` is refused; empty where it is not.
std::string refusal_of(const rlx_verdict& verdict, const rlx_lir_op& op) {
  const bool expands = verdict.verdict == RLX_VERDICT_EXPAND;
  if (verdict.verdict == RLX_VERDICT_NATIVE || (expands && op.opcode >= kFirstComposite)) return {};
  const std::string reason(verdict.reason, strnlen(verdict.reason, sizeof verdict.reason));
  const std::string answer = expands ? "EXPAND, of an op that has nothing to be expanded to" : "UNSUPPORTED";
  return "opcode " + number(op.opcode) + ": " + answer + (reason.empty() ? ", without a reason" : ": " + reason);
}

}  // namespace

void end_refused(Run& run, Session& session, const Model& model) {
  if (run.failed()) return;
  std::vector<rlx_verdict> verdicts(model.info().ops);
  rlx_lir_image image;
  const bool asked = ask_again(session, model, verdicts) && !rlx_lir_open(&image, model.image().data(), model.image().size(), nullptr);
  const rlx_lir_region* main = asked ? rlx_lir_region_at(&image, 0) : nullptr;
  for (std::uint32_t i = 0; main && i < main->op_count; ++i) {
    const auto* op = static_cast<const rlx_lir_op*>(rlx_lir_at(&image, RLX_LIR_OPS, main->ops + i));
    if (!op) break;
    const std::string refusal = refusal_of(verdicts[main->ops + i], *op);
    if (!refusal.empty()) return run.unsupported(join_texts({"refused", refusal}));
  }
  run.unsupported("the plugin does not answer NATIVE for this image");
}

}  // namespace rlx::conform
