// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/checks/calls.h"

#include <rlx/lir.h>

#include <cstring>

#include "tools/conform/shared/random.h"

namespace rlx::conform {

ImageBytes renamed(const ImageBytes& image) {
  const std::string bytes(static_cast<const char*>(image.data()), image.size());
  rlx_lir_header header;
  if (bytes.size() < sizeof header) return image;
  memcpy(&header, bytes.data(), sizeof header);
  header.content_hash = {hash_text(bytes, 1), hash_text(bytes, 2)};
  header.graph_hash = {hash_text(bytes, 3), hash_text(bytes, 4)};
  header.skeleton_hash = {hash_text(bytes, 5), hash_text(bytes, 6)};
  std::string named = bytes;
  memcpy(named.data(), &header, sizeof header);
  return ImageBytes(named);
}

ImageBytes with_bytes(const ImageBytes& image, std::uint64_t offset, const void* bytes, std::size_t count) {
  std::string copy(static_cast<const char*>(image.data()), image.size());
  if (offset + count <= copy.size()) memcpy(copy.data() + offset, bytes, count);
  return offset < sizeof(rlx_lir_header) ? ImageBytes(copy) : renamed(ImageBytes(copy));
}

std::uint64_t record_offset(const ImageBytes& bytes, std::uint32_t kind, std::uint64_t index) {
  rlx_lir_image image;
  if (rlx_lir_open(&image, bytes.data(), bytes.size(), nullptr) != RLX_STATUS_OK) return bytes.size();
  const void* record = rlx_lir_at(&image, kind, index);
  return record ? static_cast<std::uint64_t>(static_cast<const unsigned char*>(record) - image.bytes) : bytes.size();
}

std::int32_t query_image(Session& session, const ImageBytes& image, std::vector<rlx_verdict>* verdicts, rlx_error* error) {
  std::vector<rlx_verdict> own(64);
  if (!verdicts) verdicts = &own;
  if (verdicts->empty()) verdicts->resize(64);
  // Against a forbidden page: an offset that leaves the image is a crash.
  Guarded memory(image.size(), 8);
  if (image.size()) memcpy(memory.data(), image.data(), image.size());
  memory.read_only(true);
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.image = memory.data();
  in.image_bytes = image.size();
  in.verdicts = verdicts->data();
  in.verdict_count = verdicts->size();
  in.verdict_stride = sizeof(rlx_verdict);
  auto out = roomy<rlx_query_support_out>();
  return session.tables().compile->query_support(session.device(), &in, &out, error);
}

std::int32_t compile_image(Session& session, const ImageBytes& image, rlx_error* error) {
  Guarded memory(image.size(), 8);
  if (image.size()) memcpy(memory.data(), image.data(), image.size());
  memory.read_only(true);
  rlx_compile_in in = sized<rlx_compile_in>();
  in.image = memory.data();
  in.image_bytes = image.size();
  auto out = roomy<rlx_compile_out>();
  const std::int32_t status = session.tables().compile->compile_lir(session.device(), &in, &out, error);
  if (status == RLX_STATUS_OK)
    session.tables().compile->executable_destroy(out.executable);
  else
    session.run().expect(out.executable == nullptr, "a refused compile hands out nothing", "an executable");
  return status;
}

bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t more = byte < 0x80 ? 0 : byte >> 5 == 6 ? 1 : byte >> 4 == 14 ? 2 : byte >> 3 == 30 ? 3 : 9;
    if (more == 9 || i + more >= text.size() + (more == 0)) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

namespace {

void add_object_calls(Bench& bench, std::vector<BadCall>& out) {
  const Tables* tables = &bench.tables();
  rlx_plugin* instance = bench.session->instance();
  rlx_device* device = bench.session->device();
  out.push_back({"a device past the count", RLX_STATUS_NOT_FOUND,
                 [=](rlx_error* error) {
                   rlx_device_open_in in = sized<rlx_device_open_in>();
                   in.ordinal = 1'000'000;
                   auto made = roomy<rlx_device_open_out>();
                   return tables->device->open(instance, &in, &made, error);
                 },
                 "1000000"});
  out.push_back({"an unknown option at open", RLX_STATUS_INVALID_ARGUMENT,
                 [=](rlx_error* error) {
                   const rlx_option option = {text_of("no_such_option"), text_of("1")};
                   rlx_open_in in = sized<rlx_open_in>();
                   in.options = &option;
                   in.option_count = 1;
                   in.option_stride = sizeof option;
                   in.abi_minor = RLX_ABI_MINOR;
                   auto made = roomy<rlx_open_out>();
                   return tables->plugin->open(&in, &made, error);
                 },
                 "no_such_option"});
  out.push_back({"an alignment of 3", RLX_STATUS_INVALID_ARGUMENT,
                 [=](rlx_error* error) {
                   rlx_alloc_in in = sized<rlx_alloc_in>();
                   in.bytes = 64;
                   in.alignment = 3;
                   auto made = roomy<rlx_alloc_out>();
                   return tables->buffer->alloc(device, &in, &made, error);
                 },
                 ""});
  out.push_back({"an unknown memory space", RLX_STATUS_INVALID_ARGUMENT,
                 [=](rlx_error* error) {
                   rlx_alloc_in in = sized<rlx_alloc_in>();
                   in.bytes = 64;
                   in.space = 77;
                   auto made = roomy<rlx_alloc_out>();
                   return tables->buffer->alloc(device, &in, &made, error);
                 },
                 ""});
}

void add_buffer_calls(Bench& bench, std::vector<BadCall>& out) {
  const Tables* tables = &bench.tables();
  rlx_buffer *buffer = bench.buffer, *other = bench.other;
  void* host = bench.host.data();
  const auto transfer = [=](bool write, std::uint64_t offset, std::uint64_t bytes) {
    return [=](rlx_error* error) {
      rlx_transfer_in in = sized<rlx_transfer_in>();
      in.offset = offset;
      in.bytes = bytes;
      in.host = host;
      return write ? tables->buffer->write(buffer, &in, nullptr, error) : tables->buffer->read(buffer, &in, nullptr, error);
    };
  };
  out.push_back({"a write past the end", RLX_STATUS_INVALID_ARGUMENT, transfer(true, 60, 8), ""});
  out.push_back({"a read past the end", RLX_STATUS_INVALID_ARGUMENT, transfer(false, 65, 0), ""});
  out.push_back({"a write whose end overflows", RLX_STATUS_INVALID_ARGUMENT, transfer(true, UINT64_MAX - 3, 8), ""});
  out.push_back({"a copy past the end", RLX_STATUS_INVALID_ARGUMENT,
                 [=](rlx_error* error) {
                   rlx_copy_in in = sized<rlx_copy_in>();
                   in.source = other;
                   in.source_offset = 1;
                   in.bytes = 64;
                   return tables->buffer->copy(buffer, &in, nullptr, error);
                 },
                 ""});
}

void add_image_calls(Bench& bench, std::vector<BadCall>& out) {
  Session* session = bench.session.get();
  const ImageBytes good = bench.model->image();
  const auto both = [&](const std::string& name, std::int32_t wanted, const ImageBytes& image) {
    out.push_back({"query_support of " + name, wanted, [=](rlx_error* error) { return query_image(*session, image, nullptr, error); }, ""});
    out.push_back({"compile_lir of " + name, wanted, [=](rlx_error* error) { return compile_image(*session, image, error); }, ""});
  };
  both("an image of another magic", RLX_STATUS_INVALID_IMAGE, with_number<std::uint64_t>(good, 0, 1));
  both("an image of version 99", RLX_STATUS_VERSION, with_number<std::uint32_t>(good, offsetof(rlx_lir_header, version), 99));
  both("a cut image", RLX_STATUS_INVALID_IMAGE, ImageBytes(std::string(static_cast<const char*>(good.data()), 200)));
  out.push_back({"compile_lir of an unknown opcode", RLX_STATUS_UNSUPPORTED,
                 [=, image = with_number<std::uint32_t>(good, record_offset(good, RLX_LIR_OPS, 0) + offsetof(rlx_lir_op, opcode), 0x00FFFFF0)](
                     rlx_error* error) { return compile_image(*session, image, error); },
                 ""});
}

void add_run_calls(Bench& bench, std::vector<BadCall>& out) {
  const Tables* tables = &bench.tables();
  Model* model = bench.model.get();
  const auto execute = [=](const std::function<void(rlx_execute_in&, std::vector<rlx_view>&, std::vector<rlx_view>&)>& change) {
    return [=](rlx_error* error) {
      rlx_execute_in in = model->execute_in();
      std::vector<rlx_view> inputs = model->inputs(), outputs = model->output_views();
      in.inputs = inputs.data();
      in.outputs = outputs.data();
      change(in, inputs, outputs);
      return tables->execute->execute(model->context(), &in, nullptr, error);
    };
  };
  using Views = std::vector<rlx_view>;
  out.push_back({"a run with an input too few", RLX_STATUS_INVALID_ARGUMENT, execute([](rlx_execute_in& in, Views&, Views&) { --in.input_count; }), ""});
  const std::string input = model->info().inputs.empty() ? "" : model->info().inputs[0].name;
  const std::string output = model->info().outputs.empty() ? "" : model->info().outputs[0].name;
  out.push_back({"a run with an input of another dtype", RLX_STATUS_INVALID_ARGUMENT,
                 execute([](rlx_execute_in&, Views& inputs, Views&) { inputs[0].dtype = RLX_DTYPE_I64; }), input});
  out.push_back({"a run with an output a byte short", RLX_STATUS_INVALID_ARGUMENT,
                 execute([](rlx_execute_in&, Views&, Views& outputs) { --outputs[0].bytes; }), output});
  if (model->set())
    out.push_back({"a run without its params", RLX_STATUS_INVALID_ARGUMENT, execute([](rlx_execute_in& in, Views&, Views&) { in.params = nullptr; }), ""});
}

}  // namespace

std::vector<BadCall> bad_calls(Bench& bench) {
  std::vector<BadCall> out;
  add_object_calls(bench, out);
  add_buffer_calls(bench, out);
  add_image_calls(bench, out);
  add_run_calls(bench, out);
  return out;
}

}  // namespace rlx::conform
