// SPDX-License-Identifier: Apache-2.0
// Translates claims and verdicts of the contract into compile's plain data.
#include "runtime/execute/device_body.h"

#include <rlx/lir.h>

#include "runtime/execute/nothing.h"

namespace rlx {
namespace {

Result<TargetAnswer> ask(const DeviceBody& device, Bytes image, const PluginOptions& options) {
  rlx_lir_image reader;
  if (rlx_lir_open(&reader, image.data(), image.size(), nullptr) != RLX_STATUS_OK)
    return fail(ErrorCode::kInternal, "an image of ours does not open");
  RLX_ASSIGN(const SupportAnswer seen, device.handle().query_support(image, rlx_lir_count(&reader, RLX_LIR_OPS), options));
  TargetAnswer answer;
  answer.depends_on_dims = seen.depends_on_dims;
  answer.verdicts.reserve(seen.verdicts.size());
  for (const OpVerdict& verdict : seen.verdicts) {
    const auto kind = verdict.verdict == RLX_VERDICT_NATIVE   ? Verdict::Kind::kNative
                      : verdict.verdict == RLX_VERDICT_EXPAND ? Verdict::Kind::kExpand
                                                              : Verdict::Kind::kUnsupported;
    answer.verdicts.push_back({kind, verdict.reason, verdict.group});
  }
  return answer;
}

}  // namespace

const OptionInfo* DeviceBody::option(std::string_view key) const {
  for (const OptionInfo& option : options_)
    if (option.key == key) return &option;
  return nullptr;
}

bool DeviceBody::affects_code(std::string_view key) const {
  const OptionInfo* known = option(key);
  return !known || known->affects_code;
}

Target DeviceBody::target(const std::shared_ptr<const DeviceBody>& self, PluginOptions options) {
  Target target;
  target.name = join(self->report_.device, " (", self->report_.plugin_id, " ", self->report_.plugin_version, ")");
  target.identity = join(self->report_.plugin_id, "/", self->report_.fingerprint);
  for (const auto& [key, value] : options) target.identity += join("/", key, "=", value);
  for (const Claim& claim : self->claims_)
    target.claims.push_back({claim.opcode, claim.version_min, claim.version_max, claim.max_rank, claim.dtypes, claim.functions,
                             claim.operand_layouts});
  target.query = [self, options = std::move(options)](Bytes image) { return ask(*self, image, options); };
  return target;
}

const std::string& Device::name() const { return report().device; }
const DeviceReport& Device::report() const { return body_ ? body_->report() : nothing<DeviceReport>(); }

}  // namespace rlx
