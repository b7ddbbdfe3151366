// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/controller/repro.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/conform/controller/report.h"
#include "runtime/ir/lir/image.h"
#include "tools/conform/numeric/expected.h"

namespace rlx::conform {
namespace {

/// The part that every program has.
constexpr const char* kProgram = R"(
static int failed(const char* call, int32_t status, const rlx_error* error) {
  fprintf(stderr, "%s: status %d: %s\n", call, (int)status, error->message);
  return 2;
}
#define CALL(name, expression)                                              \
  do {                                                                      \
    rlx_error error = {0};                                                  \
    error.struct_size = sizeof error;                                       \
    const int32_t status = (expression);                                    \
    if (status != RLX_STATUS_OK) return failed(name, status, &error);       \
  } while (0)

static rlx_str text_of(const char* chars) {
  rlx_str text = {chars, strlen(chars)};
  return text;
}
static const void* (*get_interface)(rlx_str id);

static void* aligned(uint64_t bytes, uint64_t alignment) {
  return aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
}

static double real_of(uint32_t dtype, const unsigned char* at) {
  if (dtype == RLX_DTYPE_F32) { float v; memcpy(&v, at, 4); return v; }
  if (dtype == RLX_DTYPE_F64) { double v; memcpy(&v, at, 8); return v; }
  if (dtype == RLX_DTYPE_BF16) { uint16_t h; uint32_t w; float v; memcpy(&h, at, 2); w = (uint32_t)h << 16; memcpy(&v, &w, 4); return v; }
  if (dtype == RLX_DTYPE_F16) {
    uint16_t h;
    memcpy(&h, at, 2);
    const int exponent = h >> 10 & 31, sign = h >> 15;
    const double fraction = h & 1023;
    const double v = exponent == 31 ? (fraction ? NAN : INFINITY) : exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return sign ? -v : v;
  }
  return 0;
}
static int64_t integer_of(uint32_t dtype, const unsigned char* at) {
  const uint32_t bytes = rlx_dtype_bytes(dtype);
  uint64_t v = 0;
  memcpy(&v, at, bytes);
  const int is_signed = dtype == RLX_DTYPE_I8 || dtype == RLX_DTYPE_I16 || dtype == RLX_DTYPE_I32;
  if (is_signed && v >> (bytes * 8 - 1)) v |= ~(uint64_t)0 << (bytes * 8);
  return (int64_t)v;
}

static int compare(const struct tensor* t, const unsigned char* bytes) {
  const uint32_t size = rlx_dtype_bytes(t->dtype);
  unsigned wrong = 0;
  for (uint64_t i = 0; i < t->bytes / size; ++i) {
    int good;
    if (t->wanted) {
      const double seen = real_of(t->dtype, bytes + i * size), wanted = t->wanted[i], bound = t->bounds ? t->bounds[i] : 0;
      good = (isnan(wanted) && isnan(seen)) || seen == wanted || fabs(seen - wanted) <= bound;
      if (!good && wrong++ < 8) printf("%s element %llu: wanted %.9g within %.3g, seen %.9g\n", t->name, (unsigned long long)i, wanted, bound, seen);
    } else {
      const int64_t seen = integer_of(t->dtype, bytes + i * size);
      good = seen == t->integers[i] || (t->bounds && t->bounds[i] > 0);
      if (!good && wrong++ < 8) printf("%s element %llu: wanted %lld, seen %lld\n", t->name, (unsigned long long)i, (long long)t->integers[i], (long long)seen);
    }
  }
  printf("%s: %u of %llu elements are wrong\n", t->name, wrong, (unsigned long long)(t->bytes / size));
  return wrong != 0;
}

static void view_of(rlx_view* view, const struct tensor* t, void* data) {
  memset(view, 0, sizeof *view);
  view->host = t->bytes ? data : NULL;
  view->bytes = t->bytes;
  view->dtype = t->dtype;
  view->rank = t->rank;
  view->dims = t->dims;
}

static int make_set(rlx_device* device, rlx_executable* executable, rlx_param_set** set) {
  const rlx_params_1* params = get_interface(text_of(RLX_INTERFACE_PARAMS_1));
  rlx_params_create_in create = {0};
  rlx_params_create_out created = {0};
  create.struct_size = sizeof create;
  create.count = PARAM_COUNT;
  created.struct_size = sizeof created;
  CALL("params.create", params->create(device, &create, &created, &error));
  *set = created.set;
  for (int i = 0; i < PARAM_COUNT; ++i) {
    rlx_put_in in = {0};
    in.struct_size = sizeof in;
    in.index = (uint32_t)i;
    in.dtype = params_[i].dtype;
    in.rank = params_[i].rank;
    in.dims = params_[i].dims;
    in.host = params_[i].data;
    in.bytes = params_[i].bytes;
    CALL("params.put", params->put(*set, &in, NULL, &error));
  }
  CALL("params.seal", params->seal(*set, NULL, NULL, &error));
  rlx_prepare_in prepare = {0};
  rlx_prepare_out prepared = {0};
  prepare.struct_size = sizeof prepare;
  prepare.executable = executable;
  prepared.struct_size = sizeof prepared;
  CALL("params.prepare", params->prepare(*set, &prepare, &prepared, &error));
  return 0;
}

static int make_context(rlx_executable* executable, rlx_context** context) {
  const rlx_compile_1* compile = get_interface(text_of(RLX_INTERFACE_COMPILE_1));
  const rlx_execute_1* execute = get_interface(text_of(RLX_INTERFACE_EXECUTE_1));
  rlx_executable_info_out info = {0};
  info.struct_size = sizeof info;
  CALL("executable_info", compile->executable_info(executable, NULL, &info, &error));
  rlx_arena* arenas = calloc(info.arena_count + 1, sizeof *arenas);
  for (uint32_t i = 0; i < info.arena_count; ++i) {
    rlx_arena_info arena;
    memcpy(&arena, (const char*)info.arenas + (size_t)i * info.arena_stride, sizeof arena);
    arenas[i].host = aligned(arena.bytes, arena.alignment < 16 ? 16 : arena.alignment);
    arenas[i].bytes = arena.bytes;
    memset(arenas[i].host, 0xA7, arena.bytes);
  }
  rlx_context_create_in in = {0};
  rlx_context_create_out out = {0};
  in.struct_size = sizeof in;
  in.arenas = arenas;
  in.arena_count = info.arena_count;
  in.arena_stride = sizeof *arenas;
  out.struct_size = sizeof out;
  CALL("context_create", execute->context_create(executable, &in, &out, &error));
  *context = out.context;
  return 0;
}

static int open_device(const char* path, rlx_device** device) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 2;
  rlx_plugin_query_fn query;
  *(void**)&query = dlsym(library, RLX_PLUGIN_QUERY_SYMBOL);
  if (!query) return fprintf(stderr, "no %s in %s\n", RLX_PLUGIN_QUERY_SYMBOL, path), 2;
  rlx_query_in asked = {0};
  rlx_query_out answer = {0};
  asked.struct_size = sizeof asked;
  asked.abi_epoch = RLX_ABI_EPOCH;
  asked.abi_major = RLX_ABI_MAJOR;
  asked.abi_minor_min = 1;
  asked.abi_minor_max = RLX_ABI_MINOR;
  asked.lir_version_min = 1;
  asked.lir_version_max = RLX_LIR_VERSION;
  asked.host_name = text_of("repro");
  asked.host_version = text_of("1");
  answer.struct_size = sizeof answer;
  CALL("rlx_plugin_query", query(&asked, &answer, &error));
  get_interface = answer.get_interface;
  const rlx_plugin_1* plugin = get_interface(text_of(RLX_INTERFACE_PLUGIN_1));
  const rlx_device_1* devices = get_interface(text_of(RLX_INTERFACE_DEVICE_1));
  rlx_open_in open = {0};
  rlx_open_out opened = {0};
  open.struct_size = sizeof open;
  open.abi_minor = answer.abi_minor;
  opened.struct_size = sizeof opened;
  CALL("plugin.open", plugin->open(&open, &opened, &error));
  rlx_device_open_in in = {0};
  rlx_device_open_out out = {0};
  in.struct_size = sizeof in;
  out.struct_size = sizeof out;
  CALL("device.open", devices->open(opened.plugin, &in, &out, &error));
  *device = out.device;
  return 0;
}

static int run(rlx_executable* executable, rlx_param_set* set) {
  const rlx_execute_1* execute = get_interface(text_of(RLX_INTERFACE_EXECUTE_1));
  rlx_context* context = NULL;
  if (make_context(executable, &context)) return 2;
  rlx_view views[INPUT_COUNT + 1], results[OUTPUT_COUNT + 1];
  void* memory[OUTPUT_COUNT + 1];
  for (int i = 0; i < INPUT_COUNT; ++i) view_of(&views[i], &inputs_[i], (void*)inputs_[i].data);
  for (int i = 0; i < OUTPUT_COUNT; ++i) {
    memory[i] = aligned(outputs_[i].bytes, 16);
    memset(memory[i], 0xBD, outputs_[i].bytes);
    view_of(&results[i], &outputs_[i], memory[i]);
  }
  rlx_execute_in in = {0};
  in.struct_size = sizeof in;
  in.params = set;
  in.inputs = views;
  in.outputs = results;
  in.input_count = INPUT_COUNT;
  in.output_count = OUTPUT_COUNT;
  in.input_stride = in.output_stride = sizeof(rlx_view);
  CALL("execute", execute->execute(context, &in, NULL, &error));
  int wrong = 0;
  for (int i = 0; i < OUTPUT_COUNT; ++i) wrong |= compare(&outputs_[i], memory[i]);
  return wrong;
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: repro PLUGIN.so\n"), 2;
  rlx_device* device = NULL;
  if (open_device(argv[1], &device)) return 2;
  const rlx_compile_1* compile = get_interface(text_of(RLX_INTERFACE_COMPILE_1));
  rlx_compile_in in = {0};
  rlx_compile_out out = {0};
  in.struct_size = sizeof in;
  in.image = image_;
  in.image_bytes = sizeof image_;
  out.struct_size = sizeof out;
  CALL("compile_lir", compile->compile_lir(device, &in, &out, &error));
  rlx_param_set* set = NULL;
  if (PARAM_COUNT && make_set(device, out.executable, &set)) return 2;
  return run(out.executable, set);
}
)";

std::string number_text(double value) {
  if (value != value) return "NAN";
  if (value > 1.7e308 || value < -1.7e308) return value > 0 ? "INFINITY" : "-INFINITY";
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

template <class Values, class Text>
std::string list(const Values& values, Text&& text) {
  std::string out;
  std::size_t line = 0;
  for (const auto& value : values) {
    const std::string word = text(value) + ",";
    line += word.size();
    if (line > 110) out += "\n  ", line = word.size();
    out += word;
  }
  return out.empty() ? "0" : out;
}

std::string bytes_array(const std::string& name, const std::string& bytes) {
  const auto word = [](char c) { return std::to_string(static_cast<unsigned>(static_cast<unsigned char>(c))); };
  return "static _Alignas(64) const unsigned char " + name + "[] = {\n  " + list(bytes, word) + "};\n";
}

/// Shape and data of an input, param or output.
struct Row {
  DType dtype;
  Dims dims;
  std::string data = "0", wanted = "0", bounds = "0", integers = "0";
};

std::string table(const std::string& name, const std::vector<Row>& rows) {
  std::string text = "static const struct tensor " + name + "_[] = {\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint64_t bytes = dtype_bytes(rows[i].dtype);
    for (const Dim& dim : rows[i].dims) bytes *= static_cast<std::uint64_t>(dim.number());
    const auto word = [](const Dim& dim) { return std::to_string(dim.number()); };
    text += "  {\"" + name.substr(0, name.size() - 1) + " " + std::to_string(i) + "\", " + std::to_string(static_cast<unsigned>(rows[i].dtype)) + "u, " +
            std::to_string(rows[i].dims.size()) + ", {" + list(rows[i].dims, word) + "}, " + std::to_string(bytes) + ", " + rows[i].data + ", " + rows[i].wanted + ", " +
            rows[i].bounds + ", " + rows[i].integers + "},\n";
  }
  return text + "  {\"end\", 0, 0, {0}, 0, 0, 0, 0, 0}};\n";
}

std::string head_text(std::string title) {
  std::replace(title.begin(), title.end(), '\\', '/');  // would go on with the comment on the next line
  std::replace(title.begin(), title.end(), '\n', ' ');
  std::string text = "// " + title + "\n// cc -I plugin_api/include repro.c -o repro -ldl -lm && ./repro PLUGIN.so\n// Exit 0: right; 1: wrong; 2: a call failed.\n"
                     "#define _POSIX_C_SOURCE 200809L\n#include <dlfcn.h>\n#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n";
  for (const char* header : {"compile", "device", "execute", "lir", "params", "plugin"}) text += "#include <rlx/" + std::string(header) + ".h>\n";
  return text + "\nstruct tensor {\n  const char* name;\n  uint32_t dtype, rank;\n  int64_t dims[8];\n  uint64_t bytes;\n  const unsigned char* data;\n"
                "  const double *wanted, *bounds; /* of floats */\n  const int64_t* integers;\n};\n";
}

template <class Values, class Text>
std::string number_array(const char* type, const std::string& name, const Values& values, Text&& word) {
  return std::string("static const ") + type + " " + name + "[] = {\n  " + list(values, word) + "};\n";
}

/// What is right for an output, as arrays, and its row.
std::string expected_arrays(const reference::Tensor& tensor, double most, const std::string& number, Row& row) {
  std::string text;
  const auto cut = [most](double e) { return number_text(most >= 0 && e > most ? most : e); };
  const auto whole = [](std::int64_t v) { return v == INT64_MIN ? std::string("INT64_MIN") : std::to_string(v); };
  if (tensor.real()) text += number_array("double", row.wanted = "wanted_" + number, tensor.v, number_text);
  else text += number_array("int64_t", row.integers = "integers_" + number, tensor.i, whole);
  if (!tensor.e.empty()) text += number_array("double", row.bounds = "bounds_" + number, tensor.e, cut);
  return text;
}

}  // namespace

std::string repro_program(const NumericCase& made, const std::vector<reference::Tensor>& expected, const std::string& title) {
  lir::Image aligned(made.image.size());
  std::copy_n(reinterpret_cast<const std::byte*>(made.image.data()), made.image.size(), aligned.bytes().data());
  const auto module = lir::read_image(aligned.bytes());
  if (!module) return {};
  std::string text = head_text(title) + bytes_array("image_", made.image);
  std::vector<Row> inputs, params, outputs;
  for (std::size_t i = 0; i < module->inputs.size(); ++i) {
    const lir::Value& value = module->values[module->inputs[i].value];
    inputs.push_back({value.dtype, value.dims, "input_" + std::to_string(i)});
    text += bytes_array(inputs.back().data, made.inputs[i]);
  }
  for (std::size_t i = 0; i < module->params.size(); ++i) {
    params.push_back({module->params[i].dtype, module->params[i].dims, "param_" + std::to_string(i)});
    text += bytes_array(params.back().data, made.params[i]);
  }
  for (std::size_t i = 0; i < module->outputs.size() && i < expected.size(); ++i) {
    const lir::Value& value = module->values[module->outputs[i].value];
    outputs.push_back({value.dtype, value.dims});
    text += expected_arrays(expected[i], made.compare.most, std::to_string(i), outputs.back());
  }
  text += table("inputs", inputs) + table("params", params) + table("outputs", outputs);
  text += "enum { INPUT_COUNT = " + std::to_string(inputs.size()) + ", PARAM_COUNT = " + std::to_string(params.size()) + ", OUTPUT_COUNT = " + std::to_string(outputs.size()) + " };\n";
  return text + kProgram;
}

Status write_repro(const std::string& folder, const NumericCase& made, const Outcome& outcome, const std::string& replay) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::kFileUnwritable, "folder `", folder, "`: ", error.message());
  RLX_ASSIGN(const std::vector<reference::Tensor> expected, expected_outputs(made.image, made.inputs, made.params));
  RLX_TRY(write_bytes(folder + "/repro.lir", made.image));
  for (std::size_t i = 0; i < made.inputs.size(); ++i) RLX_TRY(write_bytes(folder + "/in" + std::to_string(i), made.inputs[i]));
  for (std::size_t i = 0; i < made.params.size(); ++i) RLX_TRY(write_bytes(folder + "/param" + std::to_string(i), made.params[i]));
  nlohmann::json document = {{"schema", "rlx.repro/1"}, {"case", outcome.id()}, {"seed", outcome.seed}, {"status", status_word(outcome.status)},
                             {"inputs", made.inputs.size()}, {"params", made.params.size()}, {"replay", replay}};
  for (const Failure& failure : outcome.failures) document["failures"].push_back({{"wanted", clean(failure.wanted)}, {"seen", clean(failure.seen)}, {"phase", clean(failure.phase)}});
  RLX_TRY(write_bytes(folder + "/repro.json", document.dump(2) + "\n"));
  return write_bytes(folder + "/repro.c", repro_program(made, expected, clean(outcome.id())));
}

}  // namespace rlx::conform
