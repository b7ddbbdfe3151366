// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/lane.h"

#include <algorithm>
#include <cstring>

namespace rlx::conform {
namespace {

std::shared_ptr<Guarded> tensor_memory(const TensorInfo& tensor, const Layout& layout) {
  return std::make_shared<Guarded>(tensor.bytes, element_bytes(tensor.dtype), layout.flush, layout.slack);
}

}  // namespace

bool arena_infos(Session& session, rlx_executable* executable, std::vector<rlx_arena_info>& out) {
  Run& run = session.run();
  auto info = roomy<rlx_executable_info_out>();
  auto error = roomy<rlx_error>();
  run.phase("executable_info");
  const std::int32_t status = session.tables().compile->executable_info(executable, nullptr, &info, &error);
  if (!run.status("executable_info", status, RLX_STATUS_OK, error.message)) return false;
  for (std::uint32_t i = 0; i < info.arena_count; ++i) {
    rlx_arena_info arena{};
    memcpy(&arena, reinterpret_cast<const char*>(info.arenas) + std::size_t{i} * info.arena_stride, sizeof arena);
    if (!run.expect(arena.alignment && !(arena.alignment & (arena.alignment - 1)) && arena.alignment <= 4096,
                    "an arena's alignment is a power of two up to a page", number(arena.alignment)))
      return false;
    out.push_back(arena);
  }
  return true;
}

Arenas::Arenas(Session& session, const std::vector<const Model*>& models, const Layout& layout) {
  std::vector<rlx_arena_info> most;
  for (const Model* model : models) {
    std::vector<rlx_arena_info> infos;
    good_ = good_ && arena_infos(session, model->executable(), infos);
    if (infos.size() > most.size()) most.resize(infos.size(), {0, 1, 0});
    for (std::size_t i = 0; i < infos.size(); ++i) {
      most[i].bytes = std::max(most[i].bytes, infos[i].bytes);
      most[i].alignment = std::max(most[i].alignment, infos[i].alignment);
    }
  }
  for (const rlx_arena_info& info : most) memory_.emplace_back(info.bytes, info.alignment, layout.flush, layout.slack);
  fill(layout.arena);
}

void Arenas::fill(unsigned char byte) {
  for (Guarded& memory : memory_) memory.fill(byte);
}

bool Arenas::intact() const {
  return std::all_of(memory_.begin(), memory_.end(), [](const Guarded& memory) { return memory.intact(); });
}

Lane::Lane(Session& session, Model& model, Layout layout)
    : session_(session), run_(session.run()), model_(model), layout_(layout) {
  const ImageInfo& info = model.info();
  for (const TensorInfo& tensor : info.inputs) {
    inputs_.push_back(tensor_memory(tensor, layout));
    input_views_.push_back(view_of(tensor, inputs_.back()->data()));
  }
  for (std::size_t i = 0; i < info.outputs.size(); ++i) {
    const int pair = pair_of(i);
    outputs_.push_back(pair < 0 ? tensor_memory(info.outputs[i], layout) : inputs_[static_cast<std::size_t>(pair)]);
    output_views_.push_back(view_of(info.outputs[i], outputs_.back()->data()));
  }
  fill(1);
}

Lane::~Lane() { close(); }

int Lane::pair_of(std::size_t output) const {
  for (const rlx_lir_state& state : model_.info().states)
    if (state.output == output) return static_cast<int>(state.input);
  return -1;
}

bool Lane::is_state_input(std::size_t i) const {
  const auto& states = model_.info().states;
  return std::any_of(states.begin(), states.end(), [&](const rlx_lir_state& state) { return state.input == i; });
}

void Lane::share_input(std::size_t i, std::shared_ptr<Guarded> memory) {
  inputs_[i] = std::move(memory);
  input_views_[i].host = inputs_[i]->data();
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    if (pair_of(o) != static_cast<int>(i)) continue;
    outputs_[o] = inputs_[i];
    output_views_[o].host = inputs_[i]->data();
  }
}

bool Lane::open() {
  auto arenas = std::make_shared<Arenas>(session_, std::vector<const Model*>{&model_}, layout_);
  return arenas->good() && open(std::move(arenas));
}

bool Lane::open(std::shared_ptr<Arenas> arenas, std::uint32_t thread_limit) {
  arenas_ = std::move(arenas);
  std::vector<rlx_arena_info> infos;
  if (!arena_infos(session_, model_.executable(), infos)) return false;
  lent_.clear();
  for (std::size_t i = 0; i < infos.size(); ++i) lent_.push_back({arenas_->memory(i).data(), nullptr, 0, infos[i].bytes});
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.thread_limit = thread_limit;
  in.arenas = lent_.data();
  in.arena_count = static_cast<std::uint32_t>(lent_.size());
  in.arena_stride = sizeof(rlx_arena);
  auto out = roomy<rlx_context_create_out>();
  auto error = roomy<rlx_error>();
  run_.phase("context_create");
  const std::int32_t status = session_.tables().execute->context_create(model_.executable(), &in, &out, &error);
  context_ = status == RLX_STATUS_OK ? out.context : nullptr;
  return run_.status("context_create", status, RLX_STATUS_OK, error.message);
}

void Lane::close() {
  if (!context_) return;
  run_.phase("context_destroy");
  session_.tables().execute->context_destroy(std::exchange(context_, nullptr));
}

void Lane::fill(std::uint64_t seed, bool rough) {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    (rough ? fill_rough : fill_exact)(model_.info().inputs[i], mix(seed) + i, inputs_[i]->data());
}

void Lane::set_input(std::size_t i, const std::string& bytes) {
  memcpy(inputs_[i]->data(), bytes.data(), std::min<std::size_t>(bytes.size(), inputs_[i]->size()));
}

void Lane::poison(const Layout& layout) {
  layout_ = layout;
  for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i]->set_slack(layout.slack);
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (pair_of(i) >= 0) continue;
    outputs_[i]->set_slack(layout.slack);
    outputs_[i]->fill(layout.unwritten);
  }
  for (std::size_t i = 0; i < arenas_->count(); ++i) arenas_->memory(i).set_slack(layout.slack);
  arenas_->fill(layout.arena);
}

std::int32_t Lane::execute() {
  rlx_execute_in in = sized<rlx_execute_in>();
  in.params = model_.set();
  in.inputs = input_views_.data();
  in.outputs = output_views_.data();
  in.input_count = static_cast<std::uint32_t>(input_views_.size());
  in.output_count = static_cast<std::uint32_t>(output_views_.size());
  in.input_stride = in.output_stride = sizeof(rlx_view);
  auto error = roomy<rlx_error>();
  run_.phase("execute");
  const std::int32_t status = session_.tables().execute->execute(context_, &in, nullptr, &error);
  message_.assign(error.message, strnlen(error.message, sizeof error.message));
  return status;
}

bool Lane::run() {
  poison();
  const std::int32_t status = execute();
  return run_.status("execute", status, RLX_STATUS_OK, message_.c_str());
}

std::string Lane::output(std::size_t i) const {
  return std::string(reinterpret_cast<const char*>(outputs_[i]->data()), model_.info().outputs[i].bytes);
}

std::string Lane::outputs() const {
  std::string bytes;
  for (std::size_t i = 0; i < outputs_.size(); ++i) bytes += output(i);
  return bytes;
}

std::string Lane::inputs() const {
  std::string bytes;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (!is_state_input(i)) bytes.append(reinterpret_cast<const char*>(inputs_[i]->data()), inputs_[i]->size());
  return bytes;
}

bool Lane::intact() {
  bool good = !arenas_ || arenas_->intact();
  for (const auto* list : {&inputs_, &outputs_})
    for (const auto& memory : *list) good = good && memory->intact();
  return run_.expect(good, "nothing is written beside tensors and arenas", "bytes beside one have changed");
}

}  // namespace rlx::conform
