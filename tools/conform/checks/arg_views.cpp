// SPDX-License-Identifier: Apache-2.0
// ARG-04: every way in which a tensor of a run can fail to fit.
#include "tools/conform/checks/arg.h"

#include "tools/conform/worker/slots.h"

namespace rlx::conform {
namespace {

/// A run with one view changed; whatever the change points to lives here.
struct Changed {
  rlx_view* view = nullptr;
  std::vector<rlx_view> *inputs = nullptr, *outputs = nullptr;
  std::vector<std::int64_t> dims, strides;
};

using Change = void (*)(Changed&);
struct Way {
  const char* key;
  Change change;
  bool input, output;  ///< where it makes sense
};

void use_dims(Changed& changed) {
  changed.view->dims = changed.dims.data();
  changed.view->rank = static_cast<std::uint32_t>(changed.dims.size());
}

constexpr Way kWays[] = {
    {"dtype", [](Changed& c) { c.view->dtype = RLX_DTYPE_F64; }, true, true},
    {"unknown_dtype", [](Changed& c) { c.view->dtype = 4000; }, true, true},
    {"dim", [](Changed& c) { ++c.dims.back(), use_dims(c); }, true, true},
    {"negative_dim", [](Changed& c) { c.dims[0] = -1, use_dims(c); }, true, true},
    {"swapped_dims", [](Changed& c) { std::swap(c.dims[0], c.dims[1]), use_dims(c); }, true, true},
    {"rank_less", [](Changed& c) { c.dims.pop_back(), use_dims(c); }, true, true},
    {"rank_more", [](Changed& c) { c.dims.push_back(1), use_dims(c); }, true, true},
    {"rank_huge", [](Changed& c) { c.view->rank = 1u << 30; }, true, true},
    {"null_dims", [](Changed& c) { c.view->dims = nullptr; }, true, true},
    {"byte_short", [](Changed& c) { --c.view->bytes; }, true, true},
    {"no_bytes", [](Changed& c) { c.view->bytes = 0; }, true, true},
    {"misaligned", [](Changed& c) { c.view->host = static_cast<char*>(c.view->host) - 1; }, true, true},
    {"overlapping_stride", [](Changed& c) { c.strides = {1, 1}, c.view->strides = c.strides.data(); }, false, true},
    {"zero_stride", [](Changed& c) { c.strides = {0, 0}, c.view->strides = c.strides.data(); }, false, true},
    {"stride_past_the_end", [](Changed& c) { c.strides = {1000, 1}, c.view->strides = c.strides.data(); }, true, true},
    {"stride_overflow", [](Changed& c) { c.strides = {INT64_MAX / 2, 1}, c.view->strides = c.strides.data(); }, true, true},
    {"stride_before_the_begin", [](Changed& c) { c.strides = {-5, 1}, c.view->strides = c.strides.data(); }, true, true},
    {"null", [](Changed& c) { c.view->host = nullptr; }, true, false},
    {"is_an_input", [](Changed& c) { c.view->host = (*c.inputs)[0].host; }, false, true},
    {"overlaps_an_input", [](Changed& c) { c.view->host = static_cast<char*>((*c.inputs)[0].host) - 4; }, false, true},
};

}  // namespace

std::vector<std::string> view_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const Way& way : kWays) {
    if (way.input) keys.push_back(std::string("input/") + way.key);
    if (way.output) keys.push_back(std::string("output/") + way.key);
  }
  keys.push_back("input/buffer");
  keys.push_back("output/buffer");
  return keys;
}

namespace {

/// A view of a buffer whose end lies before the tensor's.
void past_the_buffer(Bench& bench, Changed& changed) {
  changed.view->host = nullptr;
  changed.view->buffer = bench.buffer;
  changed.view->offset = 8;
}

/// Memory with room on both sides, so that a view that should be refused cannot hurt.
struct Wide {
  explicit Wide(const Guarded& like) : bytes(like.size() + 128, '\0') { memcpy(at(), like.data(), like.size()); }
  char* at() {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    return bytes.data() + 64 + (8 - address % 8) % 8;
  }
  std::string bytes;
};

}  // namespace

void arg_views(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  auto model = runnable(*bench->session);
  if (!model || !model->all(3)) return;
  const std::string right = model->outputs();
  const bool input = run.key().starts_with("input");
  const std::string way = run.key().substr(run.key().find('/') + 1);
  model->fill(3);
  std::vector<rlx_view> inputs = model->inputs(), outputs = model->output_views();
  Wide source(model->input_memory(0)), target(model->output_memory(0));
  inputs[0].host = source.at();
  outputs[0].host = target.at();
  const TensorInfo& info = (input ? model->info().inputs : model->info().outputs)[0];
  Changed changed{&(input ? inputs : outputs)[0], &inputs, &outputs, info.dims, {}};
  for (const Way& row : kWays)
    if (way == row.key) row.change(changed);
  if (way == "buffer") past_the_buffer(*bench, changed);
  const std::string before_in = source.bytes, before_out = target.bytes;
  rlx_execute_in in = model->execute_in();
  in.inputs = inputs.data();
  in.outputs = outputs.data();
  auto error = roomy<rlx_error>();
  run.phase(("execute with a bad view: " + run.key()).c_str());
  const std::int32_t status = bench->tables().execute->execute(model->context(), &in, nullptr, &error);
  run.status("a run with such a view", status, RLX_STATUS_INVALID_ARGUMENT, error.message);
  run.expect(std::string(error.message).find(info.name) != std::string::npos, "the message names the tensor `" + info.name + "`", error.message);
  run.same_bytes("the outputs of a refused run", target.bytes.data(), before_out.data(), before_out.size());
  run.same_bytes("the inputs of a refused run", source.bytes.data(), before_in.data(), before_in.size());
  if (!model->run(3)) return;
  run.same_bytes("a good run afterwards", model->outputs().data(), right.data(), right.size());
}

}  // namespace rlx::conform
