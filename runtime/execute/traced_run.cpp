// SPDX-License-Identifier: Apache-2.0
// From the backend's times to slices. A backend may say anything: slices are cut to the call, ops out of range have a number.
#include "runtime/execute/traced_run.h"

#include <algorithm>

#include "runtime/ir/lir/image.h"
#include "runtime/plugin/profile.h"

namespace rlx {
namespace {

/// Kinds of the image's ops; empty for an image that cannot be read.
std::vector<std::string> op_kinds(Bytes image) {
  std::vector<std::string> kinds;
  const Result<lir::Module> module = lir::read_image(image);
  if (!module) return kinds;
  for (const lir::Op& op : module->ops) kinds.push_back(op.name.empty() ? std::string(op_name(op.opcode)) : join(op_name(op.opcode), " ", op.name));
  return kinds;
}

TraceRecorder::Names names_of(TraceRecorder& recorder, Bytes image) {
  const Result<lir::ImageHashes> hashes = lir::image_hashes(image);
  if (!hashes) return std::make_shared<const std::vector<std::string>>();
  return recorder.names({hashes->content.low, hashes->content.high}, [&] { return op_kinds(image); });
}

}  // namespace

Status execute_recorded(TraceRecorder& recorder, const BackendRun& run) {
  if (!can_profile(run.context)) return execute_blamed(run.context, run.params, run.inputs, run.outputs, run.call, run.blamed_op);
  const TraceRecorder::Names kinds = names_of(recorder, run.image);
  const std::uint64_t begin = recorder.now_ns();
  RLX_ASSIGN(const std::vector<ProfileSlice> slices, execute_profiled(run.context, run.params, run.inputs, run.outputs, run.call, run.blamed_op));
  const std::uint64_t end = recorder.now_ns();
  const std::uint32_t own = recorder.own_track();
  for (const ProfileSlice& slice : slices) {
    TraceEvent event;
    event.category = "op";
    event.name = slice.op_index < kinds->size() ? (*kinds)[slice.op_index] : join("op ", slice.op_index);
    event.begin_ns = begin + std::min(slice.begin_ns, end - begin);
    event.end_ns = std::max(event.begin_ns, begin + std::min(slice.end_ns, end - begin));
    event.track = slice.thread == 0 ? own : recorder.backend_track(std::min(slice.thread, 4096u));
    event.notes = {{"op", std::to_string(slice.op_index)}};
    recorder.add(std::move(event));
  }
  return {};
}

}  // namespace rlx
