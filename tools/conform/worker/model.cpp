// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/model.h"

#include <cstring>
#include <fstream>

#include "tools/conform/shared/random.h"

namespace rlx::conform {
namespace {

constexpr unsigned char kUnwritten = 0xBD;
constexpr std::uint64_t kParamBytesMost = std::uint64_t{64} << 20;  // of larger ones the check brings its own bytes

TensorInfo tensor_info(const rlx_lir_image& image, rlx_lir_string name, std::uint32_t value_index) {
  TensorInfo info;
  const rlx_lir_value* value = rlx_lir_value_at(&image, value_index);
  const std::int64_t* dims = rlx_lir_dims(&image, value);
  if (!value || (!dims && value->rank)) return info;
  const rlx_str text = rlx_lir_text(&image, name);
  if (text.data) info.name.assign(text.data, text.size);
  info.dtype = value->dtype;
  info.dims.assign(dims, dims + value->rank);
  info.bytes = value->byte_size;
  return info;
}

std::vector<TensorInfo> io_infos(const rlx_lir_image& image, std::uint32_t kind) {
  std::vector<TensorInfo> out;
  for (std::uint64_t i = 0; i < rlx_lir_count(&image, kind); ++i) {
    const auto* io = static_cast<const rlx_lir_io*>(rlx_lir_at(&image, kind, i));
    out.push_back(tensor_info(image, io->name, io->value));
  }
  return out;
}

/// A whole number 0..15 in a dtype.
std::uint64_t exact_bits(std::uint32_t dtype, std::uint64_t value) {
  const auto real = static_cast<float>(value);
  const auto wide = static_cast<double>(value);
  std::uint32_t bits32 = 0;
  std::uint64_t bits64 = 0;
  std::memcpy(&bits32, &real, sizeof real);
  std::memcpy(&bits64, &wide, sizeof wide);
  switch (dtype) {
    case RLX_DTYPE_BOOL:
      return value & 1;
    case RLX_DTYPE_F32:
      return bits32;
    case RLX_DTYPE_F64:
      return bits64;
    case RLX_DTYPE_BF16:
      return bits32 >> 16;
    case RLX_DTYPE_F16:
      return value ? ((bits32 >> 13) & 0x3ff) | ((((bits32 >> 23) & 0xff) - 112) << 10) : 0;
    default:
      return value;
  }
}

/// A number in [-1, 1) in a float dtype.
std::uint64_t rough_bits(std::uint32_t dtype, double value) {
  const auto real = static_cast<float>(value);
  std::uint32_t bits32 = 0;
  std::uint64_t bits64 = 0;
  std::memcpy(&bits32, &real, sizeof real);
  std::memcpy(&bits64, &value, sizeof value);
  if (dtype == RLX_DTYPE_F64) return bits64;
  if (dtype == RLX_DTYPE_BF16) return bits32 >> 16;
  if (dtype != RLX_DTYPE_F16) return bits32;
  const std::uint32_t exponent = (bits32 >> 23) & 0xff;
  return (bits32 >> 16 & 0x8000) | (exponent < 113 ? 0 : ((bits32 >> 13) & 0x3ff) | (exponent - 112) << 10);
}

bool is_real(std::uint32_t dtype) {
  return dtype == RLX_DTYPE_F16 || dtype == RLX_DTYPE_BF16 || dtype == RLX_DTYPE_F32 || dtype == RLX_DTYPE_F64;
}

}  // namespace

rlx_view view_of(const TensorInfo& info, unsigned char* data) {
  rlx_view view{};
  view.host = info.bytes ? data : nullptr;
  view.bytes = info.bytes;
  view.dtype = info.dtype;
  view.rank = static_cast<std::uint32_t>(info.dims.size());
  view.dims = info.dims.data();
  return view;
}

std::size_t element_bytes(std::uint32_t dtype) { return rlx_dtype_bytes(dtype) ? rlx_dtype_bytes(dtype) : 1; }

ImageInfo image_info(const ImageBytes& bytes) {
  ImageInfo info;
  rlx_lir_image image;
  if (rlx_lir_open(&image, bytes.data(), bytes.size(), nullptr) != RLX_STATUS_OK) return info;
  info.inputs = io_infos(image, RLX_LIR_INPUTS);
  info.outputs = io_infos(image, RLX_LIR_OUTPUTS);
  info.ops = rlx_lir_count(&image, RLX_LIR_OPS);
  for (std::uint64_t i = 0; i < rlx_lir_count(&image, RLX_LIR_PARAMS); ++i) {
    const auto* param = static_cast<const rlx_lir_param*>(rlx_lir_at(&image, RLX_LIR_PARAMS, i));
    info.params.push_back(tensor_info(image, param->name, param->value));
    info.params.back().set_index = param->set_index;
    if (param->set_index >= info.param_entries) info.param_entries = param->set_index + 1;
  }
  for (std::uint64_t i = 0; i < rlx_lir_count(&image, RLX_LIR_STATE); ++i)
    info.states.push_back(*static_cast<const rlx_lir_state*>(rlx_lir_at(&image, RLX_LIR_STATE, i)));
  info.good = true;
  return info;
}

void fill_exact(const TensorInfo& tensor, std::uint64_t seed, unsigned char* out) {
  if (tensor.bytes >= kLargeBytes) return;
  const std::size_t size = element_bytes(tensor.dtype);
  Random random(seed);
  for (std::uint64_t i = 0; i < tensor.bytes / size; ++i) {
    const std::uint64_t bits = exact_bits(tensor.dtype, (i + random.below(5)) % 16);
    std::memcpy(out + i * size, &bits, size);
  }
}

void fill_rough(const TensorInfo& tensor, std::uint64_t seed, unsigned char* out) {
  if (!is_real(tensor.dtype)) return fill_exact(tensor, seed, out);
  if (tensor.bytes >= kLargeBytes) return;
  const std::size_t size = element_bytes(tensor.dtype);
  Random random(seed);
  for (std::uint64_t i = 0; i < tensor.bytes / size; ++i) {
    const std::uint64_t bits = rough_bits(tensor.dtype, 2 * random.unit() - 1);
    std::memcpy(out + i * size, &bits, size);
  }
}

Model::Model(Session& session, ImageBytes image, Flush flush)
    : session_(session), run_(session.run()), image_(std::move(image)), info_(image_info(image_)) {
  run_.expect(info_.good, "the image made by the controller can be read", "rlx_lir_open refuses it");
  for (const TensorInfo& tensor : info_.inputs) {
    inputs_.emplace_back(tensor.bytes, element_bytes(tensor.dtype));
    input_views_.push_back(view_of(tensor, inputs_.back().data()));
  }
  for (const TensorInfo& tensor : info_.outputs) {
    outputs_.emplace_back(tensor.bytes, element_bytes(tensor.dtype));
    output_views_.push_back(view_of(tensor, outputs_.back().data()));
  }
  for (const TensorInfo& tensor : info_.params) {
    params_.emplace_back(tensor.bytes <= kParamBytesMost ? tensor.bytes : 0, element_bytes(tensor.dtype), flush);
    if (params_.back().size() == tensor.bytes) fill_exact(tensor, 77 + tensor.set_index, params_.back().data());
  }
  fill(1);
}

Model::~Model() { drop(); }

void Model::drop_context() {
  if (!context_) return;
  run_.phase("context_destroy");
  session_.tables().execute->context_destroy(std::exchange(context_, nullptr));
}

void Model::share(const Model& owner) {
  shared_ = true;
  executable_ = owner.executable_;
  set_ = owner.set_;
}

void Model::drop() {
  drop_context();
  if (shared_) {
    shared_ = false;
    executable_ = nullptr;
    set_ = nullptr;
  }
  if (set_) {
    run_.phase("params.destroy");
    session_.tables().params->destroy(std::exchange(set_, nullptr));
  }
  if (executable_) {
    run_.phase("executable_destroy");
    session_.tables().compile->executable_destroy(std::exchange(executable_, nullptr));
  }
}

CompileOptions CompileOptions::of_case() {
  CompileOptions out;
  std::ifstream file("options");
  for (std::string key, value; file >> key >> value;) out.texts_.emplace_back(key, value);
  return out;
}

std::vector<rlx_option> CompileOptions::rows() const {
  std::vector<rlx_option> rows;
  for (const auto& [key, value] : texts_) rows.push_back({{key.data(), key.size()}, {value.data(), value.size()}});
  return rows;
}

bool Model::native() {
  std::vector<rlx_verdict> verdicts(info_.ops);
  const std::vector<rlx_option> options = options_.rows();
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.options = options.empty() ? nullptr : options.data();
  in.option_count = static_cast<std::uint32_t>(options.size());
  in.option_stride = options.empty() ? 0 : sizeof(rlx_option);
  in.image = image_.data();
  in.image_bytes = image_.size();
  in.verdict_stride = sizeof(rlx_verdict);
  in.verdicts = verdicts.data();
  in.verdict_count = verdicts.size();
  auto out = roomy<rlx_query_support_out>();
  auto error = roomy<rlx_error>();
  run_.phase("query_support");
  const std::int32_t status = session_.tables().compile->query_support(session_.device(), &in, &out, &error);
  if (!run_.status("query_support", status, RLX_STATUS_OK, error.message)) return false;
  rlx_lir_image image;
  if (rlx_lir_open(&image, image_.data(), image_.size(), nullptr)) return false;
  const rlx_lir_region* main = rlx_lir_region_at(&image, 0);
  for (std::uint32_t i = 0; main && i < main->op_count; ++i)
    if (verdicts[main->ops + i].verdict != RLX_VERDICT_NATIVE) return false;
  return true;
}

bool Model::compile(std::uint32_t thread_limit, const std::vector<std::uint32_t>& cpus, const rlx_call* call) {
  rlx_compile_in in = sized<rlx_compile_in>();
  in.image = image_.data();
  in.image_bytes = image_.size();
  in.thread_limit = thread_limit;
  in.cpu_set = cpus.empty() ? nullptr : cpus.data();
  in.cpu_count = static_cast<std::uint32_t>(cpus.size());
  in.call = call;
  const std::vector<rlx_option> options = options_.rows();
  in.options = options.empty() ? nullptr : options.data();
  in.option_count = static_cast<std::uint32_t>(options.size());
  in.option_stride = options.empty() ? 0 : sizeof(rlx_option);
  auto out = roomy<rlx_compile_out>();
  auto error = roomy<rlx_error>();
  run_.phase("compile");
  const std::int32_t status = session_.tables().compile->compile_lir(session_.device(), &in, &out, &error);
  executable_ = status == RLX_STATUS_OK ? out.executable : nullptr;
  return run_.status("compile_lir", status, RLX_STATUS_OK, error.message) &&
         run_.expect(executable_ != nullptr, "compile_lir hands out an executable", "null");
}

bool Model::put(std::uint32_t index) {
  const TensorInfo& tensor = info_.params[index];
  rlx_put_in in = sized<rlx_put_in>();
  in.index = tensor.set_index;
  in.dtype = tensor.dtype;
  in.rank = static_cast<std::uint32_t>(tensor.dims.size());
  in.dims = tensor.dims.data();
  in.host = params_[index].data();
  in.bytes = tensor.bytes;
  auto error = roomy<rlx_error>();
  run_.phase("params.put");
  return run_.status("params.put", session_.tables().params->put(set_, &in, nullptr, &error), RLX_STATUS_OK, error.message);
}

bool Model::prepare(const rlx_call* call) {
  if (info_.params.empty()) return true;
  const rlx_params_1* params = session_.tables().params;
  rlx_params_create_in create = sized<rlx_params_create_in>();
  create.count = info_.param_entries;
  auto created = roomy<rlx_params_create_out>();
  auto error = roomy<rlx_error>();
  run_.phase("params.create");
  if (!run_.status("params.create", params->create(session_.device(), &create, &created, &error), RLX_STATUS_OK, error.message))
    return false;
  set_ = created.set;
  for (std::uint32_t i = 0; i < info_.params.size(); ++i)
    if (!put(i)) return false;
  run_.phase("params.seal");
  error = roomy<rlx_error>();
  if (!run_.status("params.seal", params->seal(set_, nullptr, nullptr, &error), RLX_STATUS_OK, error.message)) return false;
  rlx_prepare_in in = sized<rlx_prepare_in>();
  in.executable = executable_;
  in.call = call;
  auto out = roomy<rlx_prepare_out>();
  error = roomy<rlx_error>();
  run_.phase("params.prepare");
  return run_.status("params.prepare", params->prepare(set_, &in, &out, &error), RLX_STATUS_OK, error.message);
}

bool Model::prepare_on(const Model& other) {
  borrowed_ = other.set();
  if (!borrowed_) return true;
  rlx_prepare_in in = sized<rlx_prepare_in>();
  in.executable = executable_;
  auto out = roomy<rlx_prepare_out>();
  auto error = roomy<rlx_error>();
  run_.phase("params.prepare");
  return run_.status("params.prepare", session_.tables().params->prepare(borrowed_, &in, &out, &error), RLX_STATUS_OK, error.message);
}

bool Model::make_context(std::uint32_t thread_limit) {
  auto info = roomy<rlx_executable_info_out>();
  auto error = roomy<rlx_error>();
  run_.phase("executable_info");
  const rlx_compile_1* compile = session_.tables().compile;
  if (!run_.status("executable_info", compile->executable_info(executable_, nullptr, &info, &error), RLX_STATUS_OK, error.message))
    return false;
  arenas_.clear();
  arena_memory_.clear();
  for (std::uint32_t i = 0; i < info.arena_count; ++i) {
    rlx_arena_info arena{};
    memcpy(&arena, reinterpret_cast<const char*>(info.arenas) + std::size_t{i} * info.arena_stride, sizeof arena);
    if (!run_.expect(arena.alignment && !(arena.alignment & (arena.alignment - 1)) && arena.alignment <= 4096,
                     "an arena's alignment is a power of two up to a page", number(arena.alignment)))
      return false;
    arena_memory_.emplace_back(arena.bytes, arena.alignment);
    arena_memory_.back().fill(0xA7);
    arenas_.push_back({arena_memory_.back().data(), nullptr, 0, arena.bytes});
  }
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.thread_limit = thread_limit;
  in.arenas = arenas_.data();
  in.arena_count = info.arena_count;
  in.arena_stride = sizeof(rlx_arena);
  auto out = roomy<rlx_context_create_out>();
  error = roomy<rlx_error>();
  run_.phase("context_create");
  const std::int32_t status = session_.tables().execute->context_create(executable_, &in, &out, &error);
  context_ = status == RLX_STATUS_OK ? out.context : nullptr;
  return run_.status("context_create", status, RLX_STATUS_OK, error.message);
}

void Model::fill(std::uint64_t seed) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) fill_exact(info_.inputs[i], mix(seed) + i, inputs_[i].data());
  for (Guarded& output : outputs_) output.fill(kUnwritten);
}

void Model::set_input(std::size_t index, const std::string& bytes) {
  memcpy(inputs_[index].data(), bytes.data(), bytes.size() < inputs_[index].size() ? bytes.size() : inputs_[index].size());
}
void Model::set_param(std::size_t index, const std::string& bytes) {
  memcpy(params_[index].data(), bytes.data(), bytes.size() < params_[index].size() ? bytes.size() : params_[index].size());
}

rlx_execute_in Model::execute_in(const rlx_call* call) {
  rlx_execute_in in = sized<rlx_execute_in>();
  in.params = set();
  in.inputs = input_views_.data();
  in.outputs = output_views_.data();
  in.input_count = static_cast<std::uint32_t>(input_views_.size());
  in.output_count = static_cast<std::uint32_t>(output_views_.size());
  in.input_stride = in.output_stride = sizeof(rlx_view);
  in.call = call;
  return in;
}

bool Model::run(std::uint64_t seed, const rlx_call* call, std::int32_t wanted) {
  if (seed) fill(seed);
  const rlx_execute_in in = execute_in(call);
  auto error = roomy<rlx_error>();
  run_.phase("execute");
  return run_.status("execute", session_.tables().execute->execute(context_, &in, nullptr, &error), wanted, error.message);
}

bool Model::all(std::uint64_t seed) { return compile() && prepare() && make_context() && run(seed); }

std::string Model::outputs() const {
  std::string bytes;
  for (const Guarded& output : outputs_) bytes.append(reinterpret_cast<const char*>(output.data()), output.size());
  return bytes;
}

bool Model::intact() {
  bool good = true;
  for (const std::vector<Guarded>* list : {&inputs_, &outputs_, &params_, &arena_memory_})
    for (const Guarded& memory : *list) good = good && memory.intact();
  return run_.expect(good, "nothing is written beside tensors and arenas", "bytes beside one have changed");
}

std::unique_ptr<Model> runnable(Session& session, const std::vector<std::string>& choices) {
  static const std::vector<std::string> usual = {"add_f32", "mul_f32", "copy_f32"};
  for (const std::string& name : choices.empty() ? usual : choices) {
    ImageBytes image = session.run().image(name);
    if (image.empty()) return nullptr;
    auto model = std::make_unique<Model>(session, std::move(image));
    if (model->native()) return model;
    if (session.run().failed()) return nullptr;
  }
  session.run().unsupported("none of the small images is NATIVE as a whole");
  return nullptr;
}

}  // namespace rlx::conform
