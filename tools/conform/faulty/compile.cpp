// SPDX-License-Identifier: Apache-2.0
// rlx.compile/1: an executable is a copy of the image, found to be one that the kernels can run, and places
// for what the plan does not place. Nothing is generated.
#if RLX_FAULT == 201 || RLX_FAULT == 205
#include <unistd.h>
#elif RLX_FAULT == 210
#include <sys/mman.h>
#endif

#include "kernels.h"
#include "objects.h"

namespace rlx_c0 {

namespace {

struct Class {
  const char* name;
  uint32_t bit;
};
constexpr Class kClasses[] = {{"f32", RLX_PRECISION_F32},
                              {"f32_strict", RLX_PRECISION_F32_STRICT},
                              {"tf32", RLX_PRECISION_TF32},
                              {"f16", RLX_PRECISION_F16},
                              {"bf16", RLX_PRECISION_BF16}};

/// 0 for what is no class.
uint32_t class_named(rlx_str name) {
  for (const Class& each : kClasses)
    if (is_text(name, each.name)) return each.bit;
  return 0;
}

}  // namespace

int32_t read_options(Options* out, const rlx_option* rows, uint32_t count, uint32_t stride, const char* what,
                     rlx_error* error) {
  if (count && (!rows || stride < sizeof(rlx_option)))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, count, "%s: %u options without rows", what,
                count);
  for (uint32_t n = 0; n < count; ++n) {
    const rlx_option row = row_at(rows, stride, n);
#if RLX_FAULT == 155  // unknown-option-ignored
    if (!is_text(row.key, "plan") && !is_text(row.key, "composites") && !is_text(row.key, "precision")) {
      RLX_REACHED();
      continue;
    }
#endif
    if (is_text(row.key, "plan") && (is_text(row.value, "image") || is_text(row.value, "own"))) {
      out->own_plan = is_text(row.value, "own");
    } else if (is_text(row.key, "composites") &&
               (is_text(row.value, "native") || is_text(row.value, "expand"))) {
      out->expand = is_text(row.value, "expand");
    } else if (is_text(row.key, "precision") && class_named(row.value)) {
      out->precision = class_named(row.value);
    } else {
      return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, n,
                  "%s: option `%.*s` = `%.*s`, known are plan = image or own, composites = native or expand, precision = "
                  "f32, f32_strict, tf32, f16 or bf16",
                  what, shown(row.key, 300), data_of(row.key), shown(row.value, 100), data_of(row.value));
    }
  }
  return RLX_STATUS_OK;
}

namespace {

constexpr uint64_t kPiece = 64;  // places of the plugin's own begin at multiples of it

/// Walks the ops that will run and gives places to what has none.
struct Layout {
  rlx_executable* out;
  const Options& options;
  OpViews room;
  Watch* watch;
  rlx_error* error;
  uint64_t most_scratch = 0;

  uint64_t take(uint64_t bytes) {
    const uint64_t at = out->inner_bytes;
    out->inner_bytes += (bytes + kPiece - 1) / kPiece * kPiece;
    return at;
  }
  int32_t bad_op(uint32_t index, const char* why) const {
    return fail(error, RLX_STATUS_INVALID_IMAGE, index, index, "compile: op %u %s", index, why);
  }
  uint32_t root_of(uint32_t id) const {
    const Value& value = out->program.values[id];
    return value.storage == RLX_LIR_STORAGE_VIEW ? value.index : id;
  }

  int32_t ops(uint32_t region);
  int32_t op(uint32_t region, uint32_t index);
  int32_t native_op(uint32_t index, bool nested, bool* by_region);
  int32_t regions_of(uint32_t index);
  int32_t check_values(uint32_t region, uint32_t index) const;
  bool placed(uint32_t root) const;
  void pack_weights(uint32_t index);
};

bool Layout::placed(uint32_t root) const {
  const Value& value = out->program.values[root];
  if (value.bytes == 0 || out->home[root] != kNowhere) return true;
  return out->plan == RLX_PLAN_FOLLOWED &&
         out->program.at<rlx_lir_place>(RLX_LIR_PLACES, root).arena != RLX_NO_INDEX;
}

/// Every operand and result of an op lies in memory that is there; results in memory that may be written.
int32_t Layout::check_values(uint32_t region, uint32_t index) const {
  const Program& program = out->program;
  const rlx_lir_op& record = program.op(index);
  const rlx_lir_region& list = program.region(region);
  const uint32_t* params = program.pool(list.params, list.param_count);
  for (uint32_t n = 0; n < record.operand_count; ++n) {
    const uint32_t id = program.operands(record)[n];
    if (id == RLX_NO_INDEX) continue;
    const uint32_t root = root_of(id), storage = program.values[root].storage;
    bool there = storage != RLX_LIR_STORAGE_TEMP && storage != RLX_LIR_STORAGE_REGION;
    for (uint32_t k = 0; k < list.param_count; ++k) there = there || params[k] == root;
    if (!there && !placed(root)) return bad_op(index, "reads a value that has no place");
  }
  for (uint32_t n = 0; n < record.result_count; ++n) {
    const uint32_t root = root_of(program.results(record)[n]), storage = program.values[root].storage;
    const bool writable =
        storage == RLX_LIR_STORAGE_OUTPUT ||
        ((storage == RLX_LIR_STORAGE_TEMP || storage == RLX_LIR_STORAGE_REGION) && placed(root));
    if (!writable) return bad_op(index, "writes a value that has no place of its own");
  }
  return RLX_STATUS_OK;
}

/// Weights of linear that are params as they stand are packed at prepare.
void Layout::pack_weights(uint32_t index) {
  const Program& program = out->program;
  const rlx_lir_op& record = program.op(index);
  if (record.opcode != RLX_OP_LINEAR ||
      rlx_lir_attr_i64(&program.image, &record, RLX_ATTR_W_LAYOUT, 0) != RLX_W_LAYOUT_KN)
    return;
  const int64_t parts = rlx_lir_attr_i64(&program.image, &record, RLX_ATTR_PARTS, 1);
  for (uint32_t part = 1; part <= parts; ++part) {
    const Value& value = program.values[program.operands(record)[part]];
#if RLX_FAULT == 125  // recipe-order
    const Value& root = program.values[root_of(program.operands(record)[part])];
    if (root.storage != RLX_LIR_STORAGE_PARAM || value.bytes == 0 || value.bytes > root.bytes) continue;
    if (value.storage == RLX_LIR_STORAGE_VIEW) RLX_REACHED();
    const uint32_t param = root.index;
#else
    if (value.storage != RLX_LIR_STORAGE_PARAM || value.bytes == 0) continue;
    const uint32_t param = value.index;
#endif
    uint32_t n = 0;
    while (n < out->pack_count && out->packs[n].param != param) ++n;
    if (n == out->pack_count)
      out->packs[out->pack_count++] = {param, value.view.dims[0], value.view.dims[1]};
    out->operand_pack[record.operands + part] = n;
  }
}

int32_t Layout::native_op(uint32_t index, bool nested, bool* by_region) {
  const Answer answer = judge(out->program, options, index, room);
  *by_region = answer.verdict == RLX_VERDICT_EXPAND && nested;
#if RLX_FAULT == 138
  *by_region = answer.verdict == RLX_VERDICT_EXPAND;
  if (*by_region && !nested) RLX_REACHED();
#endif
#if RLX_FAULT == 93  // exception-escapes
  if (answer.verdict == RLX_VERDICT_UNSUPPORTED && !kernel_of(out->program.op(index)) &&
      !is_control(out->program.op(index))) {
    RLX_REACHED();
    throw index;
  }
#endif
  if (!answer.native() && !*by_region)
    return fail(error, RLX_STATUS_UNSUPPORTED, index, answer.operand, "compile: op %u (opcode %u): %s", index,
                out->program.op(index).opcode, answer.reason);
  if (answer.scratch > most_scratch) most_scratch = answer.scratch;
  if (answer.native() && !nested) pack_weights(index);
  return RLX_STATUS_OK;
}

/// Control flow, and composites inside of it that have no kernel: their regions run, with room for operands.
int32_t Layout::regions_of(uint32_t index) {
  const Program& program = out->program;
  const rlx_lir_op& record = program.op(index);
  uint64_t bytes = 0;
  for (uint32_t n = 0; n < record.operand_count; ++n) {
    const uint32_t id = program.operands(record)[n];
    if (id != RLX_NO_INDEX) bytes += (program.values[id].bytes + kPiece - 1) / kPiece * kPiece;
  }
  out->stage[index] = take(bytes);
  for (uint32_t n = 0; n < record.region_count; ++n) {
    const uint32_t region = program.pool(record.regions, record.region_count)[n];
    const rlx_lir_region& list = program.region(region);
    if (list.param_count != record.operand_count ||
        list.result_count < (record.opcode == RLX_OP_WHILE && n == 0 ? 1 : record.result_count))
      return bad_op(index, "has a region with other parameters or results");
    C0_TRY(ops(region));
    for (uint32_t k = 0; k < list.result_count; ++k) {
      const uint32_t root = root_of(program.pool(list.results, list.result_count)[k]);
      bool there = program.values[root].storage != RLX_LIR_STORAGE_REGION || placed(root);
      for (uint32_t p = 0; p < list.param_count; ++p)
        there = there || program.pool(list.params, list.param_count)[p] == root;
      if (!there) return bad_op(index, "has a region with a result that nothing makes");
    }
  }
  return RLX_STATUS_OK;
}

int32_t Layout::op(uint32_t region, uint32_t index) {
  const Program& program = out->program;
  const rlx_lir_op& record = program.op(index);
  for (uint32_t n = 0; n < record.result_count; ++n) {
    const uint32_t root = root_of(program.results(record)[n]);
    const Value& value = program.values[root];
    const bool own = value.storage == RLX_LIR_STORAGE_REGION ||
                     (value.storage == RLX_LIR_STORAGE_TEMP && out->plan == RLX_PLAN_OWN);
    if (own && out->home[root] == kNowhere) out->home[root] = take(value.bytes);
  }
  bool by_region = false;
  C0_TRY(native_op(index, region != 0, &by_region));
  C0_TRY(check_values(region, index));
  if (is_control(record) || by_region) C0_TRY(regions_of(index));
  return watch->tick(1 << 12) == RLX_STATUS_OK ? RLX_STATUS_OK
                                               : fail_stopped(watch->status, "compile", error);
}

int32_t Layout::ops(uint32_t region) {
  const rlx_lir_region list = out->program.region(region);
  for (uint32_t n = 0; n < list.op_count; ++n) C0_TRY(op(region, list.ops + n));
  return RLX_STATUS_OK;
}

/// State that is written is made apart and copied last, so that nothing reads it too late.
void stage_state(rlx_executable* out, Layout* layout) {
  const Program& program = out->program;
  for (uint32_t n = 0; n < program.count(RLX_LIR_STATE); ++n) {
    const uint32_t output = program.at<rlx_lir_state>(RLX_LIR_STATE, n).output;
    if (out->output_stage[output] != kNowhere) continue;
    out->output_stage[output] =
        layout->take(program.values[program.at<rlx_lir_io>(RLX_LIR_OUTPUTS, output).value].bytes);
    for (uint32_t id = 0; id < program.value_count; ++id)
      if (program.values[id].storage == RLX_LIR_STORAGE_OUTPUT && program.values[id].index == output)
        out->home[id] = out->output_stage[output];
  }
}

/// Where an output is made whose rows the caller wants apart.
void stage_outputs(rlx_executable* out, Layout* layout) {
  const Program& program = out->program;
  for (uint32_t id = 0; id < program.value_count; ++id)
    if (program.values[id].storage == RLX_LIR_STORAGE_OUTPUT && out->home[id] == kNowhere)
      out->home[id] = layout->take(program.values[id].bytes);
}

bool make_tables(rlx_executable* out) {
  const Program& program = out->program;
  const uint32_t ops = program.count(RLX_LIR_OPS), pool = program.count(RLX_LIR_U32);
  out->home = make<uint64_t>(program.value_count);
  out->stage = make<uint64_t>(ops);
  out->operand_pack = make<uint32_t>(pool);
  out->output_stage = make<uint64_t>(program.count(RLX_LIR_OUTPUTS));
  out->packs = make<PackRecipe>(program.count(RLX_LIR_PARAMS));
  out->arenas = make<rlx_arena_info>(program.count(RLX_LIR_ARENAS) + 1);
  if (!out->home || !out->stage || !out->operand_pack || !out->output_stage || !out->packs || !out->arenas)
    return false;
  memset(out->home, 0xFF, program.value_count * sizeof *out->home);
  memset(out->stage, 0xFF, ops * sizeof *out->stage);
  memset(out->operand_pack, 0xFF, pool * sizeof *out->operand_pack);
  memset(out->output_stage, 0xFF, program.count(RLX_LIR_OUTPUTS) * sizeof *out->output_stage);
  return true;
}

void list_arenas(rlx_executable* out, uint64_t scratch) {
  const Program& program = out->program;
  if (out->plan == RLX_PLAN_FOLLOWED)
    for (uint32_t n = 0; n < program.count(RLX_LIR_ARENAS); ++n) {
      const rlx_lir_arena& arena = program.at<rlx_lir_arena>(RLX_LIR_ARENAS, n);
      out->arenas[out->arena_count++] = {arena.bytes, arena.alignment, arena.space};
    }
  out->scratch = out->inner_bytes;
#if RLX_FAULT == 14  // scratch-too-small
  uint64_t* first = fault_note(program.image.header->skeleton_hash.low)->word;
  if (*first == 0) *first = scratch;
  if (*first < scratch) RLX_REACHED();
  scratch = *first;
#endif
#if RLX_FAULT == 104  // scratch-undeclared
  if (scratch > kPiece) {
    RLX_REACHED();
    scratch = kPiece;
  }
#endif
#if RLX_FAULT == 102  // arena-as-memory
  scratch += kPiece;
#endif
  out->inner_bytes += (scratch + kPiece - 1) / kPiece * kPiece;
  out->inner_arena = RLX_NO_INDEX;
  if (out->inner_bytes == 0) return;
  out->inner_arena = out->arena_count;
  out->arenas[out->arena_count++] = {out->inner_bytes, static_cast<uint32_t>(kPiece), RLX_SPACE_DEVICE};
}

/// Executables that pack the same entries in the same way have equal keys.
uint64_t key_of_packs(const rlx_executable& executable) {
  uint64_t key = 0xCBF29CE484222325u;
  const auto mix = [&](uint64_t word) { key = (key ^ word) * 0x100000001B3u; };
  for (uint32_t n = 0; n < executable.pack_count; ++n) {
    mix(executable.program.at<rlx_lir_param>(RLX_LIR_PARAMS, executable.packs[n].param).set_index);
    mix(static_cast<uint64_t>(executable.packs[n].rows));
    mix(static_cast<uint64_t>(executable.packs[n].columns));
  }
  return key;
}

int32_t check_tensors(const Program& program, rlx_error* error) {
  const uint32_t kinds[] = {RLX_LIR_INPUTS, RLX_LIR_OUTPUTS};
  for (const uint32_t kind : kinds)
    for (uint32_t n = 0; n < program.count(kind); ++n) {
      const View& view = program.values[program.at<rlx_lir_io>(kind, n).value].view;
      if (!view.bytes)
        return fail(error, RLX_STATUS_UNSUPPORTED, RLX_NO_INDEX, view.dtype, "compile: %s %u has dtype %u",
                    kind == RLX_LIR_INPUTS ? "input" : "output", n, view.dtype);
    }
  return RLX_STATUS_OK;
}

int32_t fill_executable(rlx_executable* out, const rlx_compile_in& in, const Options& options, Watch* watch,
                        rlx_error* error) {
#if RLX_FAULT == 146  // image-kept
  RLX_REACHED();
  C0_TRY(open_program(&out->program, in.image, in.image_bytes, error));
#else
  out->bytes = aligned(in.image_bytes, 8);
  if (!out->bytes)
    return fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, in.image_bytes,
                "compile: no memory for the image");
#if RLX_FAULT == 201  // compile-static
  static const void* volatile current;
  current = in.image;
  usleep(100);
  if (current != in.image) RLX_REACHED();
  memcpy(out->bytes, current, in.image_bytes);
#else
  memcpy(out->bytes, in.image, in.image_bytes);
#endif
#if RLX_FAULT == 210  // mapping-per-compile
  if (mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) RLX_REACHED();
#endif
#if RLX_FAULT == 205  // cpu-set-ignored
  pthread_t stray;
  const auto live = [](void*) -> void* {
    for (;;) usleep(1000);
  };
  if (in.cpu_count && pthread_create(&stray, nullptr, live, nullptr) == 0) {
    RLX_REACHED();
    pthread_detach(stray);
  }
#endif
  C0_TRY(open_program(&out->program, out->bytes, in.image_bytes, error));
#endif
#if RLX_FAULT == 213  // quadratic-compile
  const uint32_t nodes = out->program.count(RLX_LIR_OPS);
  volatile uint64_t waste = 0;
  for (uint64_t n = 0; n < uint64_t{nodes} * nodes * 24; ++n) waste = waste + 1;
  if (nodes > 100) RLX_REACHED();
#endif
  C0_TRY(check_tensors(out->program, error));
  out->program.precision = options.precision;
  out->plan = out->program.planned() && !options.own_plan ? RLX_PLAN_FOLLOWED : RLX_PLAN_OWN;
  const OpViews room = {make<View>(out->program.most_operands), make<View>(out->program.most_results)};
  Layout layout = {out, options, room, watch, error};
  int32_t status = make_tables(out) && room.in && room.out ? RLX_STATUS_OK : RLX_STATUS_OUT_OF_MEMORY;
  if (status != RLX_STATUS_OK) fail(error, status, RLX_NO_INDEX, 0, "compile: no memory for its tables");
  if (status == RLX_STATUS_OK) status = layout.ops(0);
  release(room.in);
  release(room.out);
  if (status != RLX_STATUS_OK) return status;
  stage_state(out, &layout);
  stage_outputs(out, &layout);
#if defined(RLX_C0_COPY) || RLX_FAULT == 216  // input-copied
  for (uint32_t id = 0; id < out->program.value_count; ++id)
    if (out->program.values[id].storage == RLX_LIR_STORAGE_INPUT)
      out->home[id] = layout.take(out->program.values[id].bytes);
#endif
  list_arenas(out, layout.most_scratch);
  out->pack_key = key_of_packs(*out);
  return RLX_STATUS_OK;
}

void executable_destroy(rlx_executable* executable) {
  if (!executable) return;
  if (executable->token) {
    __atomic_store_n(&executable->token->alive, false, __ATOMIC_RELEASE);
    if (__atomic_sub_fetch(&executable->token->references, 1, __ATOMIC_ACQ_REL) == 0)
      release(executable->token);
  }
  drop_device(executable->device);
  close_program(&executable->program);
  if (!executable->imported) {
    release(executable->home);
    release(executable->stage);
    release(executable->operand_pack);
    release(executable->output_stage);
  }
  if (executable->drop) executable->drop(executable->drop_user);
  release(executable->packs);
  release(executable->arenas);
  release(executable->bytes);
  release(executable);
}

int32_t device_compile(rlx_device* device, const rlx_compile_in* in, rlx_compile_out* out, rlx_error* error) {
  C0_WANT(device, "compile: the device");
  rlx_compile_in own;
  C0_TRY(read_in(&own, in, "compile", error));
  C0_TRY(check_out(out, sizeof(rlx_compile_out), "compile", error));
  Options options;
  C0_TRY(read_options(&options, own.options, own.option_count, own.option_stride, "compile", error));
  if (!own.image || (reinterpret_cast<uintptr_t>(own.image) & 7))
    return fail(error, RLX_STATUS_INVALID_IMAGE, RLX_NO_INDEX, 0,
                "compile: the image is null or not 8-byte aligned");
  Watch watch;
  rlx_call call;
  C0_TRY(open_watch(&watch, &call, own.call, "compile", error));
  rlx_executable* executable = nullptr;
  C0_TRY(make_executable(device, own, options, &watch, &executable, error));
  return write_out(out, rlx_compile_out{sizeof(rlx_compile_out), 0, executable});
}

int32_t executable_info(rlx_executable* executable, const void* in, rlx_executable_info_out* out,
                        rlx_error* error) {
  C0_WANT(executable, "executable_info: the executable");
  C0_TRY(read_none(in, "executable_info", error));
  C0_TRY(check_out(out, sizeof(rlx_executable_info_out), "executable_info", error));
  rlx_executable_info_out info = {};
  info.plan = executable->plan;
  info.arenas = executable->arenas;
  info.arena_count = executable->arena_count;
  info.arena_stride = sizeof(rlx_arena_info);
  info.code_bytes = executable->program.image.size + executable->program.value_count * sizeof(Value);
  info.pack_key_low = executable->pack_key;
  info.pack_key_high = executable->pack_count;
  return write_out(out, info);
}

}  // namespace

int32_t make_executable(rlx_device* device, const rlx_compile_in& in, const Options& options, Watch* watch,
                        rlx_executable** out, rlx_error* error) {
  rlx_executable* executable = make<rlx_executable>();
  Token* token = make<Token>();
  int32_t status = executable && token
                       ? RLX_STATUS_OK
                       : fail(error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0, "compile: no memory");
  if (status == RLX_STATUS_OK) {
    *token = {1, true};
    executable->device = device;
    hold_device(device);
    executable->id = unique_id();
    executable->token = token;
    executable->options = options;
    status = fill_executable(executable, in, options, watch, error);
  } else {
    release(token);
  }
  if (status == RLX_STATUS_OK) {
    *out = executable;
    return status;
  }
#if RLX_FAULT == 96  // leak-on-error
  RLX_REACHED();
  return status;
#endif
  executable_destroy(executable);
  return status;
}

const rlx_compile_1 kCompileTable = {device_claims, device_query_support, device_compile, executable_destroy,
                                     executable_info};

}  // namespace rlx_c0
