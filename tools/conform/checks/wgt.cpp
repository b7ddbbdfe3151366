// SPDX-License-Identifier: Apache-2.0
// WGT: weights in sets, put once, packed once, shared by variants and by heirs. Here the table and the common helpers.
#include "tools/conform/checks/wgt.h"

#include <malloc.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "tools/conform/checks/groups.h"

namespace rlx::conform {

// ---- Sources

Source::Source(Session& session, const std::string& bytes, Place place)
    : session_(session), size_(bytes.size()), memory_(bytes.size() + (place == Place::kUnaligned), place == Place::kUnaligned ? 1 : 8) {
  memcpy(memory_.data(), bytes.data(), bytes.size());
  if (place == Place::kReadOnly) memory_.read_only(true);
  if (place != Place::kBuffer) return;
  offset_ = session.run().facts().min_alignment ? session.run().facts().min_alignment : 64;
  rlx_alloc_in in = sized<rlx_alloc_in>();
  in.bytes = offset_ + size_;
  auto out = roomy<rlx_alloc_out>();
  session.run().phase("buffer.alloc");
  if (!session.run().status("alloc of a buffer for a source", session.tables().buffer->alloc(session.device(), &in, &out, nullptr), RLX_STATUS_OK)) return;
  buffer_ = out.buffer;
  rlx_transfer_in transfer = sized<rlx_transfer_in>();
  transfer.offset = offset_;
  transfer.bytes = size_;
  transfer.host = memory_.data();
  session.run().status("write of a source", session.tables().buffer->write(buffer_, &transfer, nullptr, nullptr), RLX_STATUS_OK);
}

Source::~Source() {
  if (buffer_) session_.tables().buffer->free(buffer_);
}

void Source::dropped(void* user) {
  auto* source = static_cast<Source*>(user);
  if (source->drops_++ == 0 && !source->buffer_) source->memory_.forbid();
}

void Source::spoil() {
  if (!buffer_ || !drops_ || spoiled_) return;
  spoiled_ = true;
  memory_.fill(0x7E);
  rlx_transfer_in in = sized<rlx_transfer_in>();
  in.offset = offset_;
  in.bytes = size_;
  in.host = memory_.data();
  session_.tables().buffer->write(buffer_, &in, nullptr, nullptr);
}

rlx_put_in Source::put_in(const TensorInfo& info) {
  rlx_put_in in = sized<rlx_put_in>();
  in.index = info.set_index;
  in.dtype = info.dtype;
  in.rank = static_cast<std::uint32_t>(info.dims.size());
  in.dims = info.dims.data();
  in.bytes = size_;
  in.host = buffer_ ? nullptr : memory_.data();
  in.buffer = buffer_;
  in.buffer_offset = offset_;
  in.drop = dropped;
  in.drop_user = this;
  return in;
}

Weights random_weights(const ImageInfo& info, std::uint64_t seed) {
  Weights out;
  Random random(seed);
  for (const TensorInfo& param : info.params) {
    out.emplace_back(param.bytes, '\0');
    const std::size_t size = rlx_dtype_bytes(param.dtype);
    for (std::size_t i = 0; i < param.bytes / size; ++i) {
      const auto value = static_cast<double>(random.below(5)) - 2;
      const auto narrow = static_cast<float>(value);
      if (param.dtype == RLX_DTYPE_F64) memcpy(out.back().data() + i * size, &value, size);
      if (param.dtype == RLX_DTYPE_F32) memcpy(out.back().data() + i * size, &narrow, size);
    }
  }
  return out;
}

// ---- Sets

Set::~Set() { destroy(); }

void Set::destroy() {
  if (!set_) return;
  session_.run().phase("params.destroy");
  session_.tables().params->destroy(set_);
  set_ = nullptr;
}

bool Set::create(std::uint32_t count, const Set* base) {
  destroy();
  rlx_params_create_in in = sized<rlx_params_create_in>();
  in.count = count;
  in.base = base ? base->get() : nullptr;
  auto out = roomy<rlx_params_create_out>();
  auto error = roomy<rlx_error>();
  session_.run().phase("params.create");
  const std::int32_t status = session_.tables().params->create(session_.device(), &in, &out, &error);
  set_ = status == RLX_STATUS_OK ? out.set : nullptr;
  return session_.run().status("params.create", status, RLX_STATUS_OK, error.message);
}

bool Set::put(const TensorInfo& info, Source& source) {
  const rlx_put_in in = source.put_in(info);
  auto error = roomy<rlx_error>();
  session_.run().phase("params.put");
  return session_.run().status("params.put", session_.tables().params->put(set_, &in, nullptr, &error), RLX_STATUS_OK, error.message);
}

bool Set::seal() {
  auto error = roomy<rlx_error>();
  session_.run().phase("params.seal");
  return session_.run().status("params.seal", session_.tables().params->seal(set_, nullptr, nullptr, &error), RLX_STATUS_OK, error.message);
}

std::int32_t Set::quiet_prepare(rlx_executable* executable) {
  rlx_prepare_in in = sized<rlx_prepare_in>();
  in.executable = executable;
  auto out = roomy<rlx_prepare_out>();
  return session_.tables().params->prepare(set_, &in, &out, nullptr);
}

bool Set::prepare(rlx_executable* executable) {
  session_.run().phase("params.prepare");
  return session_.run().status("params.prepare", quiet_prepare(executable), RLX_STATUS_OK);
}

void Set::release(rlx_executable* executable) {
  session_.run().phase("params.release");
  session_.tables().params->release(set_, executable);
}

rlx_usage_out Set::usage() {
  auto out = roomy<rlx_usage_out>();
  session_.run().phase("params.usage");
  session_.run().status("params.usage", session_.tables().params->usage(set_, nullptr, &out, nullptr), RLX_STATUS_OK);
  return out;
}

// ---- Versions

Version::Version(Session& session, const ImageInfo& info, Weights weights, Place place)
    : session_(session), info_(info), weights_(std::move(weights)), place_(place), set_(std::make_unique<Set>(session)) {}

bool Version::put(const std::vector<std::size_t>& indices, const Version* base) {
  if (!set_->create(info_.param_entries, base ? base->set_.get() : nullptr)) return false;
  for (std::size_t i = 0; i < info_.params.size(); ++i) {
    bool wanted = indices.empty();
    for (const std::size_t index : indices) wanted = wanted || index == i;
    if (!wanted) continue;
    sources_.push_back(std::make_unique<Source>(session_, weights_[i], place_));
    if (!set_->put(info_.params[i], *sources_.back())) return false;
  }
  return true;
}

bool Version::fill(const std::vector<std::size_t>& indices, const Version* base) { return put(indices, base) && set_->seal(); }

void Version::spoil() {
  for (const auto& source : sources_) source->spoil();
}

// ---- Results

namespace {

double element(std::uint32_t dtype, const void* data, std::size_t index) {
  if (dtype == RLX_DTYPE_F64) {
    double value = 0;
    memcpy(&value, static_cast<const char*>(data) + index * sizeof value, sizeof value);
    return value;
  }
  float value = 0;
  memcpy(&value, static_cast<const char*>(data) + index * sizeof value, sizeof value);
  return static_cast<double>(value);
}

std::vector<double> numbers(const TensorInfo& info, const void* data) {
  std::vector<double> out(info.bytes / rlx_dtype_bytes(info.dtype));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = element(info.dtype, data, i);
  return out;
}

std::vector<double> product(const std::vector<double>& x, const std::vector<double>& w, std::size_t k, std::size_t n, bool transposed) {
  std::vector<double> out(x.size() / k * n);
  for (std::size_t row = 0; row < x.size() / k; ++row)
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t column = 0; column < n; ++column)
        out[row * n + column] += x[row * k + i] * (transposed ? w[column * k + i] : w[i * n + column]);
  return out;
}

}  // namespace

std::vector<double> weighted_result(const ImageInfo& info, const unsigned char* input, const Weights& weights, bool transposed) {
  std::vector<double> x = numbers(info.inputs[0], input);
  std::vector<std::vector<double>> w;
  for (std::size_t i = 0; i < weights.size(); ++i) w.push_back(numbers(info.params[i], weights[i].data()));
  const auto k = static_cast<std::size_t>(info.inputs[0].dims[1]), n = static_cast<std::size_t>(info.outputs[0].dims[1]);
  if (w.size() == 1) return product(x, w[0], k, n, transposed);
  if (info.params[1].dims.size() == 2) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] + w[0][i]) * w[1][i] + w[2][i];
    return x;
  }
  const std::size_t middle = w[1].size();
  std::vector<double> hidden = product(x, w[0], k, middle, false);
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] += w[1][i % middle];
  return product(hidden, w[2], middle, n, false);
}

std::size_t first_wrong(const std::vector<double>& wanted, const unsigned char* output, std::uint32_t dtype) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!(std::fabs(element(dtype, output, i) - wanted[i]) <= 0.25)) return i;
  return wanted.size();
}

std::unique_ptr<Weighted> Weighted::open(Session& session, const std::vector<std::string>& images) {
  auto model = runnable(session, images);
  if (!model || !model->compile() || !model->make_context()) return nullptr;
  auto made = std::make_unique<Weighted>();
  made->model_ = std::move(model);
  made->session_ = &session;
  return made;
}

bool Weighted::runs(Version& version) {
  version.spoil();
  rlx_execute_in in = model_->execute_in();
  in.params = version.set().get();
  auto error = roomy<rlx_error>();
  session_->run().phase("execute");
  const std::int32_t status = session_->tables().execute->execute(model_->context(), &in, nullptr, &error);
  return session_->run().status("execute", status, RLX_STATUS_OK, error.message);
}

bool Weighted::right(Version& version, std::uint64_t seed, const std::string& what) {
  Run& run = session_->run();
  model_->fill(seed);
  if (!runs(version)) return run.expect(false, what, "its status is above");
  const std::vector<double> wanted = weighted_result(info(), model_->input_memory(0).data(), version.weights(), transposed);
  const std::uint32_t dtype = info().outputs[0].dtype;
  const std::size_t at = first_wrong(wanted, model_->output_memory(0).data(), dtype);
  if (at == wanted.size()) return run.expect(true, what, "right");
  return run.expect(false, what + text(": element %zu is %g", at, wanted[at]), text("%g", element(dtype, model_->output_memory(0).data(), at)));
}

// ---- Lanes

WeightLane::WeightLane(Session& session, const Weighted& of, std::uint64_t seed)
    : session_(session), info_(of.info()), input_(info_.inputs[0].bytes, 8), output_(info_.outputs[0].bytes, 8) {
  fill_exact(info_.inputs[0], seed, input_.data());
  auto info = roomy<rlx_executable_info_out>();
  if (!session.run().status("executable_info", session.tables().compile->executable_info(of.executable(), nullptr, &info, nullptr), RLX_STATUS_OK)) return;
  for (std::uint32_t i = 0; i < info.arena_count; ++i) {
    rlx_arena_info arena{};
    memcpy(&arena, reinterpret_cast<const char*>(info.arenas) + std::size_t{i} * info.arena_stride, sizeof arena);
    arenas_.emplace_back(arena.bytes, arena.alignment ? arena.alignment : 1);
    rows_.push_back({arenas_.back().data(), nullptr, 0, arena.bytes});
  }
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.thread_limit = 1;
  in.arenas = rows_.data();
  in.arena_count = info.arena_count;
  in.arena_stride = sizeof(rlx_arena);
  auto out = roomy<rlx_context_create_out>();
  session.run().phase("context_create");
  if (session.run().status("context_create", session.tables().execute->context_create(of.executable(), &in, &out, nullptr), RLX_STATUS_OK))
    context_ = out.context;
}

WeightLane::~WeightLane() {
  if (context_) session_.tables().execute->context_destroy(context_);
}

std::string WeightLane::run(rlx_param_set* set, const Weights& weights) {
  const auto view = [](const TensorInfo& info, Guarded& memory) {
    rlx_view out{};
    out.host = memory.data();
    out.bytes = info.bytes;
    out.dtype = info.dtype;
    out.rank = static_cast<std::uint32_t>(info.dims.size());
    out.dims = info.dims.data();
    return out;
  };
  output_.fill(0xBD);
  const rlx_view input = view(info_.inputs[0], input_), output = view(info_.outputs[0], output_);
  rlx_execute_in in = sized<rlx_execute_in>();
  in.params = set;
  in.inputs = &input;
  in.outputs = &output;
  in.input_count = in.output_count = 1;
  in.input_stride = in.output_stride = sizeof(rlx_view);
  auto error = roomy<rlx_error>();
  const std::int32_t status = session_.tables().execute->execute(context_, &in, nullptr, &error);
  if (status != RLX_STATUS_OK) return text("status %d: ", status) + error.message;
  const std::vector<double> wanted = weighted_result(info_, input_.data(), weights);
  const std::size_t at = first_wrong(wanted, output_.data(), info_.outputs[0].dtype);
  if (at == wanted.size()) return {};
  return text("element %zu is %g, wanted %g", at, element(info_.outputs[0].dtype, output_.data(), at), wanted[at]);
}

// ---- Measures and lists

std::uint64_t used_bytes(Session& session) {
  if (!session.tables().device->memory_stats) return 0;
  auto out = roomy<rlx_memory_stats_out>();
  session.run().phase("memory_stats");
  return session.tables().device->memory_stats(session.device(), nullptr, &out, nullptr) == RLX_STATUS_OK ? out.used_bytes : 0;
}

std::uint64_t resident_bytes() {
  std::uint64_t all = 0, resident = 0;
  malloc_trim(0);
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::vector<std::string> small_chains() { return {"wgt/linear_5", "wgt/dot_5", "wgt/plain_5"}; }
std::vector<std::string> big_chains(int rows) {
  const std::string count = number(static_cast<std::uint64_t>(rows));
  return {"wgt/linear_big_" + count, "wgt/dot_big_" + count};
}
std::vector<std::string> usable_keys(const Facts& facts, std::vector<std::string> keys) {
  return facts.usable() ? std::move(keys) : std::vector<std::string>{};
}

namespace {

constexpr Check kChecks[] = {
    {"WGT-01", 4, "Variants of one model share what is packed of its weights, also where eight threads prepare at once; a later variant changes nothing for an earlier one.", 20, wgt_variant_cases, wgt_variants},
    {"WGT-02", 4, "Sources on the host, unaligned, read-only and in buffers give one result; each is dropped exactly once, and never read after.", 40, wgt_source_cases, wgt_sources},
    {"WGT-03", 4, "A set over a base gives new results and costs what was put; the base's are unchanged; runs on an old set finish on it.", 40, wgt_base_cases, wgt_bases},
    {"WGT-04", 4, "A run packs and allocates nothing, and weights may be mapped read-only.", 10, wgt_run_cases, wgt_runs},
    {"WGT-05", 4, "Entries that are missing are listed all at once; a wrong dtype, shape or size is refused by name.", 20, wgt_wrong_cases, wgt_wrong},
    {"WGT-06", 4, "What is packed belongs to the bytes, dtype and layout of an entry, not to its address.", 10, wgt_key_cases, wgt_pack_keys},
    {"WGT-08", 4, "Of a table that is only gathered from, the pages that are read become resident, and no others.", 2, wgt_table_cases, wgt_table},
    {"WGT-09", 4, "Two sets on one executable are each their own, in turns and in parallel.", 20, wgt_adapter_cases, wgt_adapters},
};

}  // namespace

std::span<const Check> wgt_checks() { return kChecks; }

}  // namespace rlx::conform
