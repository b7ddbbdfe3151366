// SPDX-License-Identifier: Apache-2.0
// MEM: nothing is read, written or kept but what the contract says. The plugin is compared with itself: bits that change with
// memory that is no one's come from there.
#include "tools/conform/checks/mem.h"

#include "tools/conform/checks/groups.h"

namespace rlx::conform {

std::unique_ptr<Model> open_model(Session& session, const std::string& name, Flush flush) {
  ImageBytes image = session.run().image("scene." + name);
  if (image.empty()) return nullptr;
  auto model = std::make_unique<Model>(session, std::move(image), flush);
  if (!model->native() || !model->compile() || !model->prepare()) return nullptr;
  return model;
}

std::unique_ptr<Scene> open_scene(Run& run, const std::string& name, Flush flush) {
  auto scene = std::make_unique<Scene>();
  scene->session = Session::open(run);
  if (!scene->session) return nullptr;
  scene->model = open_model(*scene->session, name, flush);
  if (scene->model) return scene;
  if (!run.failed()) run.unsupported("the plugin does not answer NATIVE for this image");
  return nullptr;
}

bool same_bits(Run& run, const std::string& what, const std::string& seen, const std::string& wanted) {
  if (!run.equal(what + ", bytes", seen.size(), wanted.size())) return false;
  return run.same_bytes(what, seen.data(), wanted.data(), wanted.size());
}

namespace {

constexpr Layout kFirst = {Flush::kMiddle, 0xFF, 0xFF, 0xFF};   // NaN in every float; the index -1
constexpr Layout kSecond = {Flush::kMiddle, 0x41, 0x41, 0x41};  // 12.08; an index of 2^62
constexpr Layout kThird = {Flush::kMiddle, 0x7F, 0x7F, 0x7F};   // 3.4e38

std::vector<std::string> all_scenes(const Facts& facts, Profile profile) {
  return claimed_scenes(facts, profile != Profile::kQuick, false);
}
std::vector<std::string> steady_scenes(const Facts& facts, Profile profile) {
  return claimed_scenes(facts, profile != Profile::kQuick, true);
}

bool exact(const Run& run) {
  const SceneInfo* scene = find_scene(run.key());
  return scene && scene->exact;
}

// ---- MEM-01: canaries ----

/// Every tensor in the middle of a buffer of the device; nothing of the buffers but outputs changes.
void run_in_buffers(Scene& scene, Lane& lane) {
  Run& run = scene.run();
  const rlx_buffer_1& table = *scene.session->tables().buffer;
  const auto views = {&lane.input_views(), &lane.output_views()};
  std::vector<rlx_buffer*> buffers;
  std::vector<std::uint64_t> bytes;
  constexpr std::uint64_t kMargin = 192;
  for (auto* list : views)
    for (rlx_view& view : *list) {
      rlx_alloc_in in = sized<rlx_alloc_in>();
      in.bytes = view.bytes + 2 * kMargin;
      auto out = roomy<rlx_alloc_out>();
      auto error = roomy<rlx_error>();
      run.phase("buffer.alloc");
      if (!run.status("alloc", table.alloc(scene.session->device(), &in, &out, &error), RLX_STATUS_OK, error.message)) return;
      buffers.push_back(out.buffer);
      bytes.push_back(in.bytes);
      std::string content(in.bytes, '\x3C');
      if (view.host) content.replace(kMargin, view.bytes, static_cast<const char*>(view.host), view.bytes);
      rlx_transfer_in write = sized<rlx_transfer_in>();
      write.bytes = in.bytes;
      write.host = content.data();
      run.phase("buffer.write");
      if (!run.status("write", table.write(out.buffer, &write, nullptr, &error), RLX_STATUS_OK, error.message)) return;
      if (view.bytes) view = {nullptr, out.buffer, kMargin, view.bytes, view.dtype, view.rank, view.dims, view.strides};
    }
  if (run.status("execute", lane.execute(), RLX_STATUS_OK, lane.message().c_str())) {
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      std::string content(bytes[i], '\0');
      rlx_transfer_in read = sized<rlx_transfer_in>();
      read.bytes = bytes[i];
      read.host = content.data();
      run.phase("buffer.read");
      if (!run.status("read", table.read(buffers[i], &read, nullptr, nullptr), RLX_STATUS_OK)) break;
      const std::string margin(kMargin, '\x3C');
      run.expect(content.compare(0, kMargin, margin) == 0 && content.compare(bytes[i] - kMargin, kMargin, margin) == 0,
                 "a run writes nothing of a buffer beside the tensor", "bytes before or after tensor " + number(i) + " have changed");
    }
  }
  for (rlx_buffer* buffer : buffers) {
    run.phase("buffer.free");
    table.free(buffer);
  }
}

void mem_01(Run& run) {
  const auto scene = open_scene(run, run.key(), Flush::kMiddle);
  if (!scene) return;
  Lane lane(*scene->session, *scene->model);
  if (!lane.open()) return;
  for (std::uint64_t turn = 1; turn <= 3; ++turn) {
    lane.fill(run.seed() + turn);
    if (!lane.run() || !lane.intact()) return;
  }
  bool params = true;
  for (std::size_t i = 0; i < scene->model->info().params.size(); ++i) params = params && scene->model->param_memory(i).intact();
  run.expect(params, "nothing is written beside params", "bytes beside one have changed");
  run_in_buffers(*scene, lane);
}

// ---- MEM-02: forbidden pages ----

void mem_02(Run& run) {
  for (const Flush flush : {Flush::kEnd, Flush::kBegin}) {
    const auto scene = open_scene(run, run.key(), flush);
    if (!scene) return;
    Lane lane(*scene->session, *scene->model, {flush, 0xC5, 0xBD, 0xA7});
    if (!lane.open()) return;
    lane.fill(run.seed());
    for (std::size_t i = 0; i < scene->model->info().inputs.size(); ++i) lane.input_memory(i).read_only(true);
    for (std::size_t i = 0; i < scene->model->info().params.size(); ++i) scene->model->param_memory(i).read_only(true);
    if (run.status("execute", lane.execute(), RLX_STATUS_OK, lane.message().c_str())) lane.intact();
  }
}

// ---- MEM-03, MEM-04: what is no one's has no influence ----

void mem_03(Run& run) {
  const auto scene = open_scene(run, run.key(), Flush::kMiddle);
  if (!scene) return;
  Lane lane(*scene->session, *scene->model, kFirst);
  if (!lane.open()) return;
  lane.fill(run.seed(), !exact(run));
  std::string first;
  for (const Layout& layout : {kFirst, kSecond, kThird}) {
    lane.poison({Flush::kMiddle, layout.slack, 0xBD, layout.arena});
    for (std::size_t i = 0; i < scene->model->info().params.size(); ++i) scene->model->param_memory(i).set_slack(layout.slack);
    if (!run.status("execute", lane.execute(), RLX_STATUS_OK, lane.message().c_str())) return;
    const std::string bits = lane.outputs();
    if (first.empty()) first = bits;
    if (!same_bits(run, "results with other bytes beside tensors and in arenas", bits, first)) return;
  }
}

void mem_04(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  Lane lane(*scene->session, *scene->model);
  if (!lane.open()) return;
  lane.fill(run.seed(), !exact(run));
  std::string first;
  for (const unsigned char byte : {0xFF, 0x41, 0x00}) {
    lane.poison({Flush::kMiddle, 0xC5, byte, 0xA7});
    if (!run.status("execute", lane.execute(), RLX_STATUS_OK, lane.message().c_str())) return;
    const std::string bits = lane.outputs();
    if (first.empty()) first = bits;
    if (!same_bits(run, "results over other old contents of outputs", bits, first)) return;
  }
}

// ---- MEM-05: plans ----

constexpr const char* kPlans[] = {"loose", "backwards", "elements", "apart", "none"};

void mem_05(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  const auto bits_of = [&](Model& model, std::string& bits) {
    Lane lane(*scene->session, model);
    if (!lane.open()) return false;
    lane.fill(run.seed(), !exact(run));
    if (!lane.run() || !lane.intact()) return false;
    bits = lane.outputs();
    return true;
  };
  std::string first;
  if (!bits_of(*scene->model, first)) return;
  for (const char* plan : kPlans) {
    Model model(*scene->session, run.image("scene." + run.key() + "." + plan));
    if (!model.native()) {
      run.expect(std::string(plan) == "none" || run.failed(), "what is NATIVE under one plan is so under others", plan);
      continue;
    }
    if (std::string(plan) == "none") {  // without a plan a plugin that wants one may refuse
      rlx_compile_in in = sized<rlx_compile_in>();
      in.image = model.image().data();
      in.image_bytes = model.image().size();
      auto out = roomy<rlx_compile_out>();
      run.phase("compile");
      const std::int32_t status = scene->session->tables().compile->compile_lir(scene->session->device(), &in, &out, nullptr);
      if (status == RLX_STATUS_UNSUPPORTED) continue;
      if (!run.status("compile_lir without a plan", status, RLX_STATUS_OK)) return;
      scene->session->tables().compile->executable_destroy(out.executable);
    }
    std::string bits;
    if (!model.compile() || !model.prepare() || !bits_of(model, bits)) return;
    if (!same_bits(run, std::string("results under the plan `") + plan + "`", bits, first)) return;
  }
}

// ---- MEM-07: inputs and weights stay ----

void mem_07(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  Model& model = *scene->model;
  Lane lane(*scene->session, model);
  if (!lane.open()) return;
  const auto params = [&] {
    std::string bytes;
    for (std::size_t i = 0; i < model.info().params.size(); ++i)
      bytes.append(reinterpret_cast<const char*>(model.param_memory(i).data()), model.param_memory(i).size());
    return bytes;
  };
  const std::string weights = params();
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    lane.fill(run.seed() + turn, turn != 0);  // signs of all kinds
    const std::string before = lane.inputs();
    if (!lane.run()) return;
    if (!same_bits(run, "inputs after a run", lane.inputs(), before)) return;
    if (!same_bits(run, "params after a run", params(), weights)) return;
  }
}

// ---- MEM-08: arenas are lent ----

/// Two contexts of the model, each with its own arenas, then on one set of them: every run gives `wanted`.
void mem_08(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  Session& session = *scene->session;
  const bool rough = !exact(run);
  Lane a(session, *scene->model), b(session, *scene->model);
  if (!a.open() || !b.open()) return;
  a.fill(run.seed(), rough);
  b.fill(run.seed() + 1, rough);
  if (!a.run() || !b.run()) return;
  const std::string first = a.outputs(), second = b.outputs();
  for (std::size_t i = 0; i < a.arenas().count(); ++i) a.arenas().memory(i).forbid();
  if (!run.status("execute", b.execute(), RLX_STATUS_OK, b.message().c_str())) return;
  if (!same_bits(run, "results of a second context while the first's arenas are away", b.outputs(), second)) return;
  a.close();
  b.close();

  const auto other = open_model(session, "chain");  // another executable on the same arenas, where there is one
  std::vector<const Model*> models = {scene->model.get()};
  if (other) models.push_back(other.get());
  auto shared = std::make_shared<Arenas>(session, models, Layout{});
  if (!shared->good()) return;
  Lane c(session, *scene->model), d(session, *scene->model);
  if (!c.open(shared) || !d.open(shared)) return;
  std::unique_ptr<Lane> stranger;
  if (other) {
    stranger = std::make_unique<Lane>(session, *other);
    if (!stranger->open(shared)) return;
  }
  c.fill(run.seed(), rough);
  d.fill(run.seed() + 1, rough);
  for (const unsigned char byte : {0x00, 0xFF, 0x41, 0x7F}) {
    const Layout layout = {Flush::kMiddle, 0xC5, 0xBD, byte};
    c.poison(layout);
    if (!c.run() || !same_bits(run, "results of contexts that take turns on arenas", c.outputs(), first)) return;
    if (stranger && !stranger->run()) return;
    d.poison(layout);
    if (!d.run() || !same_bits(run, "results of contexts that take turns on arenas", d.outputs(), second)) return;
  }
}

// ---- MEM-09: as listed, and no better ----

void mem_09(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  Lane usual(*scene->session, *scene->model);
  Lane tight(*scene->session, *scene->model, {Flush::kExact, 0xC5, 0xBD, 0xA7});
  if (!usual.open() || !tight.open()) return;
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    usual.fill(run.seed() + turn);
    tight.fill(run.seed() + turn);
    if (!usual.run() || !tight.run() || !tight.intact()) return;
    // Where the order of computing shows, it may depend on the alignment.
    if (exact(run) && !same_bits(run, "results where nothing is better aligned than promised", tight.outputs(), usual.outputs())) return;
  }
}

constexpr Check kChecks[] = {
    {"MEM-01", 4, "A run writes nothing beside tensors, params, arenas and its part of a buffer.", 20, all_scenes, mem_01},
    {"MEM-02", 4, "Nothing before or after a tensor, param or arena is touched: forbidden pages lie flush on either side.", 20, all_scenes, mem_02},
    {"MEM-03", 4, "What lies beside tensors, in arenas and between values has no influence on a result.", 20, steady_scenes, mem_03},
    {"MEM-04", 4, "Every element of an output is written, whatever was there.", 20, steady_scenes, mem_04},
    {"MEM-05", 4, "Every valid plan gives the same bits, and so does none where the plugin makes its own.", 20, steady_scenes, mem_05},
    {"MEM-07", 4, "Inputs and params are as they were after a run.", 20, all_scenes, mem_07},
    {"MEM-08", 4, "Arenas keep nothing from run to run and belong to one context: contexts take turns on them.", 20, steady_scenes, mem_08},
    {"MEM-09", 4, "Arenas of just the bytes and alignment listed, and tensors aligned to their elements, suffice.", 20, all_scenes, mem_09},
    {"MEM-10", 4, "Where outputs may lie apart, the gaps between their elements keep their bytes.", 20, steady_scenes, gaps_of_outputs},
    {"MEM-11", 4, "From the fourth run of a context on nothing is allocated or mapped, and a large input is not copied, but where the device says so.", 20, steady_run_cases, steady_run},
    {"MEM-12", 4, "Elements past the first 2^31 of a tensor are read as they lie.", 2, far_cases, far_elements},
};

}  // namespace

std::span<const Check> mem_checks() { return kChecks; }

}  // namespace rlx::conform
