// SPDX-License-Identifier: Apache-2.0
// LIR: images as the plugin reads them: old and new, cut, damaged, and gone after the call.
#include <rlx/lir.h>

#include <cstring>

#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"

namespace rlx::conform {
namespace {

std::vector<std::string> one_device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

ImageBytes raw(const std::string& bytes) { return ImageBytes(bytes); }
std::string text_of_image(const ImageBytes& image) { return {static_cast<const char*>(image.data()), image.size()}; }

std::string floats_of(const Model& model) { return model.outputs(); }

// ---- LIR-01

void lir_corpus(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::uint64_t ran = 0;
  for (const std::string& name : run.image_names()) {
    Model model(*session, run.image(name));
    run.note("image " + name);
    if (!model.native()) continue;
    ++ran;
    run.expect(model.all(3), "the image " + name + ", which is NATIVE, compiles and runs", "it does not");
    model.intact();
  }
  if (!ran && !run.failed()) run.unsupported("none of the small images is NATIVE as a whole");
}

// ---- LIR-02

/// Every op and value of the image that a version of the contract does not know.
struct Unknown {
  const char* what;
  std::uint32_t kind;
  std::size_t offset;
  std::uint32_t value;
};
constexpr Unknown kUnknown[] = {
    {"an opcode that nobody defines", RLX_LIR_OPS, offsetof(rlx_lir_op, opcode), 0x00FFFFF1},
    {"an opcode of the vendor range", RLX_LIR_OPS, offsetof(rlx_lir_op, opcode), 0x80000001},
    {"an op of a version that nobody defines", RLX_LIR_OPS, offsetof(rlx_lir_op, version), 77},
    {"a dtype that nothing computes with", RLX_LIR_VALUES, offsetof(rlx_lir_value, dtype), RLX_DTYPE_C64},
    {"a dtype that nobody defines", RLX_LIR_VALUES, offsetof(rlx_lir_value, dtype), 5000},
};

void not_native(Run& run, Session& session, const ImageBytes& image, const std::string& what) {
  std::vector<rlx_verdict> verdicts(64);
  auto error = roomy<rlx_error>();
  run.phase(("query_support: " + what).c_str());
  const std::int32_t status = query_image(session, image, &verdicts, &error);
  if (status == RLX_STATUS_OK) run.expect(verdicts[0].verdict != RLX_VERDICT_NATIVE, what + " is not NATIVE", "NATIVE");
  run.phase(("compile: " + what).c_str());
  error = roomy<rlx_error>();
  const std::int32_t compiled = compile_image(session, image, &error);
  run.expect(compiled == RLX_STATUS_UNSUPPORTED || compiled == RLX_STATUS_INVALID_IMAGE, "compile_lir refuses " + what, status_name(compiled));
  if (compiled == RLX_STATUS_UNSUPPORTED && what.find("dtype") == std::string::npos) run.equal("error.op_index for " + what, error.op_index, 0);
}

/// The image with one more row in its directory, of a kind that no version has.
ImageBytes with_section(const ImageBytes& image, std::uint32_t flags) {
  std::string bytes = text_of_image(image);
  rlx_lir_header header;
  memcpy(&header, bytes.data(), sizeof header);
  std::string directory = bytes.substr(header.section_offset, std::size_t{header.section_count} * header.section_stride);
  const rlx_lir_section extra = {60000, flags, 0, 1, 8, 0};
  std::string row(header.section_stride, '\0');
  memcpy(row.data(), &extra, sizeof extra);
  bytes.resize((bytes.size() + 7) / 8 * 8);
  header.section_offset = bytes.size();
  ++header.section_count;
  bytes += directory + row;
  header.total_bytes = bytes.size();
  memcpy(bytes.data(), &header, sizeof header);
  return raw(bytes);
}

void lir_unknown(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session);
  if (!model) return;
  const ImageBytes& good = model->image();
  for (const Unknown& unknown : kUnknown)
    not_native(run, *session, with_number<std::uint32_t>(good, record_offset(good, unknown.kind, 0) + unknown.offset, unknown.value), unknown.what);
  // The op in a namespace of somebody: any string of the image serves as a name.
  const std::uint64_t op = record_offset(good, RLX_LIR_OPS, 0);
  const rlx_lir_string name = {0, 1};
  not_native(run, *session, with_bytes(good, op, &name, sizeof name), "an op of another namespace");
  auto error = roomy<rlx_error>();
  for (const std::uint32_t version : {0u, 2u, 99u}) {
    const ImageBytes image = with_number<std::uint32_t>(good, offsetof(rlx_lir_header, version), version);
    run.phase("an image of another version");
    run.status(text("query_support of an image of version %u", version), query_image(*session, image, nullptr, &error), RLX_STATUS_VERSION, error.message);
    run.status(text("compile_lir of an image of version %u", version), compile_image(*session, image, &error), RLX_STATUS_VERSION, error.message);
  }
  run.phase("an unknown required section");
  const ImageBytes required = with_section(good, RLX_LIR_SECTION_REQUIRED), optional = with_section(good, 0);
  run.status("query_support with an unknown required section", query_image(*session, required, nullptr, &error), RLX_STATUS_UNSUPPORTED, error.message);
  run.status("compile_lir with an unknown required section", compile_image(*session, required, &error), RLX_STATUS_UNSUPPORTED, error.message);
  run.phase("an unknown optional section");
  run.status("query_support with an unknown optional section", query_image(*session, optional, nullptr, &error), RLX_STATUS_OK, error.message);
  run.status("compile_lir with an unknown optional section", compile_image(*session, optional, &error), RLX_STATUS_OK, error.message);
}

// ---- LIR-03

void refuse_image(Run& run, Session& session, const ImageBytes& image, const std::string& what) {
  auto error = roomy<rlx_error>();
  run.phase(what.c_str());
  run.status("query_support of " + what, query_image(session, image, nullptr, &error), RLX_STATUS_INVALID_IMAGE, error.message);
  run.status("compile_lir of " + what, compile_image(session, image, &error), RLX_STATUS_INVALID_IMAGE, error.message);
}

void bad_sections(Run& run, Session& session, const ImageBytes& good) {
  rlx_lir_header header;
  memcpy(&header, good.data(), sizeof header);
  for (std::uint32_t i = 0; i < header.section_count; ++i) {
    const std::uint64_t at = header.section_offset + std::uint64_t{i} * header.section_stride;
    rlx_lir_section section;
    memcpy(&section, static_cast<const char*>(good.data()) + at, sizeof section);
    const std::string name = text("section %u", section.kind);
    for (const std::uint64_t offset : {good.size() + 8, std::uint64_t{1} << 40, UINT64_MAX - 7})
      refuse_image(run, session, with_number(good, at + offsetof(rlx_lir_section, offset), offset), name + " whose offset leaves the image");
    refuse_image(run, session, with_number(good, at + offsetof(rlx_lir_section, offset), section.offset + 4), name + " at an odd offset");
    for (const std::uint64_t count : {std::uint64_t{1} << 33, UINT64_MAX})
      refuse_image(run, session, with_number(good, at + offsetof(rlx_lir_section, count), count), name + " whose count leaves the image");
    refuse_image(run, session, with_number<std::uint32_t>(good, at + offsetof(rlx_lir_section, stride), 0), name + " of stride 0");
  }
}

void lir_ranges(Run& run);

std::vector<std::string> damage_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"sections", "records"} : std::vector<std::string>{};
}

void lir_damaged(Run& run) {
  if (run.key() == "records") return lir_ranges(run);
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"two_steps_f32", "add_f32", "copy_f32"});
  if (!model) return;
  const ImageBytes good = model->image();
  const std::string bytes = text_of_image(good);
  const std::size_t step = bytes.size() / 40 / 8 * 8 + 8;
  for (std::size_t size = 0; size < bytes.size(); size += step) refuse_image(run, *session, raw(bytes.substr(0, size)), text("an image cut to %zu bytes", size));
  refuse_image(run, *session, with_number<std::uint64_t>(good, offsetof(rlx_lir_header, total_bytes), bytes.size() + 8), "an image that claims more bytes");
  refuse_image(run, *session, with_number<std::uint64_t>(good, offsetof(rlx_lir_header, section_offset), bytes.size() + 8), "a directory outside the image");
  refuse_image(run, *session, with_number<std::uint64_t>(good, offsetof(rlx_lir_header, section_offset), UINT64_MAX - 7), "a directory whose end overflows");
  refuse_image(run, *session, with_number<std::uint32_t>(good, offsetof(rlx_lir_header, section_count), 0x10000000), "a directory longer than the image");
  refuse_image(run, *session, with_number<std::uint32_t>(good, offsetof(rlx_lir_header, section_stride), 4), "a directory of stride 4");
  bad_sections(run, *session, good);
  run.expect(model->all(1), "the good image still compiles and runs", "it does not");
}

/// Ranges of records that leave their pools. What they mean is the core's to verify, but nobody may be led outside.
void lir_ranges(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"two_steps_f32", "add_f32", "copy_f32"});
  if (!model) return;
  const ImageBytes good = model->image();
  struct Field {
    std::uint32_t kind;
    std::size_t offset;
    const char* name;
  };
  constexpr Field kFields[] = {{RLX_LIR_VALUES, offsetof(rlx_lir_value, rank), "value.rank"},
                               {RLX_LIR_VALUES, offsetof(rlx_lir_value, dims), "value.dims"},
                               {RLX_LIR_OPS, offsetof(rlx_lir_op, operands), "op.operands"},
                               {RLX_LIR_OPS, offsetof(rlx_lir_op, operand_count), "op.operand_count"},
                               {RLX_LIR_OPS, offsetof(rlx_lir_op, results), "op.results"},
                               {RLX_LIR_OPS, offsetof(rlx_lir_op, result_count), "op.result_count"},
                               {RLX_LIR_REGIONS, offsetof(rlx_lir_region, op_count), "region.op_count"},
                               {RLX_LIR_INPUTS, offsetof(rlx_lir_io, value), "input.value"},
                               {RLX_LIR_OUTPUTS, offsetof(rlx_lir_io, value), "output.value"}};
  for (const Field& field : kFields)
    for (const std::uint32_t value : {0x7FFFFFF0u, 0xFFFFFFFEu}) {
      const ImageBytes image = with_number(good, record_offset(good, field.kind, 0) + field.offset, value);
      auto error = roomy<rlx_error>();
      run.phase(text("%s of %u", field.name, value).c_str());
      query_image(*session, image, nullptr, &error);
      const std::int32_t status = compile_image(*session, image, &error);
      // A plugin that never follows the field may not notice.
      run.expect(status == RLX_STATUS_INVALID_IMAGE || status == RLX_STATUS_UNSUPPORTED || status == RLX_STATUS_OK,
                 text("compile_lir refuses %s of %u, or does not follow it", field.name, value), status_name(status));
    }
  run.expect(model->all(1), "the good image still compiles and runs", "it does not");
}

// ---- LIR-05

std::vector<std::string> shape_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"passthrough", "constant", "twice", "unused"} : std::vector<std::string>{};
}

void lir_shapes(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {run.key() + "_f32"});
  if (!model || !model->all(7)) return;
  const std::string out = model->outputs();
  const std::string input(reinterpret_cast<const char*>(model->input_memory(0).data()), model->info().inputs[0].bytes);
  std::string wanted = input;
  if (run.key() == "constant") {
    wanted.assign(15 * sizeof(float), '\0');
    for (std::size_t i = 0; i < 15; ++i) {
      const auto value = static_cast<float>(i) - 4;
      memcpy(wanted.data() + i * sizeof value, &value, sizeof value);
    }
  }
  if (run.key() == "twice") wanted += wanted;
  if (!run.equal("bytes of the outputs", out.size(), wanted.size())) return;
  run.same_bytes("the outputs", out.data(), wanted.data(), wanted.size());
  model->intact();
}

// ---- LIR-06

void lir_retained(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"param_f32", "two_steps_f32", "add_f32", "copy_f32"});
  if (!model || !model->all(4)) return;
  const std::string right = model->outputs();
  // Once more from memory that is gone right after the call.
  Guarded memory(model->image().size(), 8);
  memcpy(memory.data(), model->image().data(), model->image().size());
  rlx_compile_in in = sized<rlx_compile_in>();
  in.image = memory.data();
  in.image_bytes = model->image().size();
  auto out = roomy<rlx_compile_out>();
  run.phase("compile");
  if (!run.status("compile_lir", session->tables().compile->compile_lir(session->device(), &in, &out, nullptr), RLX_STATUS_OK)) return;
  memory.forbid();
  run.phase("prepare without the image");
  rlx_prepare_in prepare = sized<rlx_prepare_in>();
  prepare.executable = out.executable;
  auto prepared = roomy<rlx_prepare_out>();
  if (model->set()) run.status("prepare", session->tables().params->prepare(model->set(), &prepare, &prepared, nullptr), RLX_STATUS_OK);
  run.phase("context_create without the image");
  rlx_context_create_in create = sized<rlx_context_create_in>();
  create.arenas = model->arenas().data();
  create.arena_count = static_cast<std::uint32_t>(model->arenas().size());
  create.arena_stride = sizeof(rlx_arena);
  auto created = roomy<rlx_context_create_out>();
  if (!run.status("context_create", session->tables().execute->context_create(out.executable, &create, &created, nullptr), RLX_STATUS_OK)) return;
  model->fill(4);
  const rlx_execute_in run_in = model->execute_in();
  run.phase("execute without the image");
  run.status("execute", session->tables().execute->execute(created.context, &run_in, nullptr, nullptr), RLX_STATUS_OK);
  run.same_bytes("outputs", model->outputs().data(), right.data(), right.size());
  session->tables().execute->context_destroy(created.context);
  session->tables().compile->executable_destroy(out.executable);
}

// ---- LIR-07

/// The image with 16 zero bytes after every record that may grow.
ImageBytes padded(const ImageBytes& image) {
  const std::string bytes = text_of_image(image);
  rlx_lir_header header;
  memcpy(&header, bytes.data(), sizeof header);
  std::string out(sizeof header, '\0'), directory;
  for (std::uint32_t i = 0; i < header.section_count; ++i) {
    rlx_lir_section section;
    memcpy(&section, bytes.data() + header.section_offset + std::size_t{i} * header.section_stride, sizeof section);
    const bool pool = section.kind == RLX_LIR_STRINGS || section.kind == RLX_LIR_CONSTANTS || section.kind == RLX_LIR_U32 || section.kind == RLX_LIR_I64;
    const std::uint32_t grown = pool ? section.stride : section.stride + 16;
    out.resize((out.size() + 7) / 8 * 8);
    const std::size_t begin = out.size();
    for (std::uint64_t k = 0; k < section.count; ++k) {
      out += bytes.substr(section.offset + k * section.stride, section.stride);
      out.append(grown - section.stride, '\0');
    }
    section.offset = begin;
    section.stride = grown;
    directory.append(reinterpret_cast<const char*>(&section), sizeof section);
    directory.append(16, '\0');
  }
  out.resize((out.size() + 7) / 8 * 8);
  header.section_offset = out.size();
  header.section_stride = sizeof(rlx_lir_section) + 16;
  out += directory;
  header.total_bytes = out.size();
  memcpy(out.data(), &header, sizeof header);
  return raw(out);
}

std::vector<std::string> padded_cases(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"add_f32", "two_steps_f32", "param_f32", "copy_f32"} : std::vector<std::string>{};
}

void lir_padded(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {run.key()});
  if (!model || !model->all(4)) return;
  Model wide(*session, padded(model->image()));
  if (!run.expect(wide.native(), "the image with padded records is NATIVE too", "it is not") || !wide.all(4)) return;
  run.same_bytes("outputs of the image with padded records", floats_of(wide).data(), floats_of(*model).data(), floats_of(*model).size());
}

// ---- LIR-08

void expect_sum(Run& run, Model& model, std::uint64_t seed) {
  if (!model.run(seed)) return;
  const auto* a = reinterpret_cast<const float*>(model.input_memory(0).data());
  const auto* b = reinterpret_cast<const float*>(model.input_memory(1).data());
  std::vector<float> wanted(model.info().outputs[0].bytes / sizeof(float));
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = a[i] + b[i];
  run.same_bytes("a sum of small whole numbers", model.output_memory(0).data(), wanted.data(), wanted.size() * sizeof(float));
}

void lir_sizes(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto small = runnable(*session, {"add_f32"}), large = runnable(*session, {"add_large_f32"});
  if (!small || !large || !small->all(1) || !large->all(1)) return;
  rlx_lir_header a, b;
  memcpy(&a, small->image().data(), sizeof a);
  memcpy(&b, large->image().data(), sizeof b);
  run.expect(a.skeleton_hash.low == b.skeleton_hash.low && a.graph_hash.low != b.graph_hash.low, "the two images are sizes of one skeleton", "they are not");
  for (std::uint64_t round = 1; round < 6; ++round) {
    expect_sum(run, *small, round);
    expect_sum(run, *large, round + 50);
  }
}

constexpr Check kChecks[] = {
    {"LIR-01", 2, "Every small image that is NATIVE as a whole compiles and runs within its memory.", 8, one_device_case, lir_corpus},
    {"LIR-02", 2, "What a version does not know is refused with the op's index; unknown optional sections are passed over.", 15, one_device_case, lir_unknown},
    {"LIR-03", 2, "An image that is cut, or whose sections leave it, is INVALID_IMAGE; records whose ranges leave their pools lead nobody outside.", 100, damage_cases, lir_damaged},
    {"LIR-05", 2, "Images without work: pass-through, constant output, one value twice an output, unused inputs.", 10, shape_cases, lir_shapes},
    {"LIR-06", 2, "The image is read during the call alone.", 6, one_device_case, lir_retained},
    {"LIR-07", 2, "Records are walked by their stride.", 8, padded_cases, lir_padded},
    {"LIR-08", 2, "Two sizes of one skeleton in one process are each right.", 10, one_device_case, lir_sizes},
};

}  // namespace

std::span<const Check> lir_checks() { return kChecks; }

}  // namespace rlx::conform
