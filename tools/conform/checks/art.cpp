// SPDX-License-Identifier: Apache-2.0
// ART: compiled code as bytes. What damaged bytes do (02), how artifacts are written, cut and let go of (03), and what check
// answers (04). That an imported executable is right is ART-01, which is numeric.
#include <cstring>

#include "tools/conform/checks/calls.h"
#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/artifact.h"

namespace rlx::conform {
namespace {

constexpr const char* kImages[] = {"add_f32", "two_steps_f32", "param_f32", "elementwise_f32", "wgt/linear_5"};

std::vector<std::string> with_images(const Facts& facts, const std::vector<std::string>& heads) {
  std::vector<std::string> keys;
  if (!facts.usable() || !facts.has(RLX_INTERFACE_ARTIFACT_1)) return keys;
  for (const std::string& head : heads)
    for (const char* image : kImages) keys.push_back(head + "/" + image);
  return keys;
}

/// An image with its artifact, made in another process, and what a run of it gives when compiled here.
struct Subject {
  ImageBytes image;
  Artifact artifact;
  std::unique_ptr<Session> session;
  std::unique_ptr<Model> compiled;
  std::string right;
};

/// Null where the case has ended.
std::unique_ptr<Subject> subject(Run& run) {
  auto made = std::make_unique<Subject>();
  made->image = run.image(run.key().substr(run.key().find('/') + 1));
  if (made->image.empty() || !export_elsewhere(run, made->image, made->artifact)) return nullptr;
  made->session = Session::open(run);
  if (!made->session) return nullptr;
  made->compiled = std::make_unique<Model>(*made->session, made->image);
  if (!made->compiled->all(run.seed())) return nullptr;
  made->right = made->compiled->outputs();
  return made;
}

bool is_refusal(std::int32_t status) { return status == RLX_STATUS_INVALID_ARGUMENT || status == RLX_STATUS_FAILED_PRECONDITION; }

/// Imports the bytes. They are refused, or the executable is right; either way they are dropped exactly once.
void refused_or_right(Subject& it, const std::string& bytes, const std::string& what, const ImageBytes* other_image = nullptr) {
  Run& run = it.session->run();
  Loan loan(bytes);
  const rlx_artifact_import_in in = loan.import_in(other_image ? *other_image : it.image);
  rlx_executable* executable = nullptr;
  auto error = roomy<rlx_error>();
  const std::int32_t status = import_artifact(*it.session, in, &executable, &error);
  if (status == RLX_STATUS_OK && !other_image) {
    Model model(*it.session, it.image);
    model.adopt(executable);
    if (model.prepare() && model.make_context() && model.run(run.seed()))
      run.expect(model.outputs() == it.right, "an import of " + what + " is refused, or its results are right", "other results");
  } else {
    run.expect(is_refusal(status), "an import of " + what + " answers INVALID_ARGUMENT or FAILED_PRECONDITION", text("status %d: ", status) + error.message);
    run.expect(status == RLX_STATUS_OK || error.message[0], "a refusal has a message", "none");
    if (executable) it.session->tables().compile->executable_destroy(executable);
  }
  run.equal("drops of " + what, static_cast<std::uint64_t>(loan.drops()), 1);
}

// ---- ART-02

std::vector<std::string> damage_cases(const Facts& facts, Profile) { return with_images(facts, {"flips", "spans", "strangers"}); }

void strangers(Run& run, Subject& it) {
  for (const char* name : {"mul_f32", "add_large_f32", "two_steps_f32", "wgt/dot_5"}) {
    const ImageBytes other = run.image(name);
    if (other.empty()) return;
    if (run.key().ends_with(name)) continue;
    refused_or_right(it, it.artifact.bytes, "an artifact with the image " + std::string(name), &other);
  }
}

void art_damage(Run& run) {
  const auto it = subject(run);
  if (!it) return;
  if (run.key().starts_with("strangers")) return strangers(run, *it);
  const bool spans = run.key().starts_with("spans");
  Random random(run.seed());
  for (int round = 0; round < 300 && !run.failed(); ++round) {
    std::string bytes = it->artifact.bytes;
    const std::uint64_t at = random.below(bytes.size());
    if (!spans) {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    } else {
      const std::uint64_t kind = random.below(3);
      for (std::uint64_t i = at; i < std::min<std::uint64_t>(bytes.size(), at + 1 + random.below(16)); ++i)
        bytes[i] = kind == 0 ? '\0' : kind == 1 ? '\xff' : static_cast<char>(random.next());
    }
    refused_or_right(*it, bytes, "an artifact damaged at byte " + number(at));
  }
  refused_or_right(*it, it->artifact.bytes, "the undamaged artifact");
}

// ---- ART-03

std::vector<std::string> piece_cases(const Facts& facts, Profile) { return with_images(facts, {"cut", "longer", "sink", "lives"}); }

void cut(Run& run, Subject& it) {
  const std::string& bytes = it.artifact.bytes;
  std::vector<std::uint64_t> sizes = {0, 1, 7, 8, 63, 64, 65, bytes.size() / 2, bytes.size() - 1};
  Random random(run.seed());
  for (int i = 0; i < 40; ++i) sizes.push_back(random.below(bytes.size()));
  for (const std::uint64_t size : sizes)
    if (size < bytes.size()) refused_or_right(it, bytes.substr(0, size), "an artifact cut to " + number(size) + " bytes");
}

void longer(Subject& it) {
  for (const std::size_t more : {1u, 8u, 64u, 4096u})
    for (const char byte : {'\0', '\xa5'}) refused_or_right(it, it.artifact.bytes + std::string(more, byte), "an artifact with " + number(more) + " bytes more");
}

/// A sink that stops at piece `left`, and counts what comes after.
struct Stopping {
  std::uint64_t left = 0, after = 0;
  bool stopped = false;
  static std::int32_t write(void* user, const void*, std::uint64_t) {
    auto* sink = static_cast<Stopping*>(user);
    if (sink->stopped) ++sink->after;
    if (--sink->left) return 0;
    sink->stopped = true;
    return 1;
  }
};

void stopped_sink(Run& run, Subject& it) {
  Artifact whole;
  if (!export_artifact(*it.session, it.compiled->executable(), whole)) return;
  for (std::size_t piece = 1; piece <= std::min<std::size_t>(whole.pieces, 64); ++piece) {
    Stopping sink;
    sink.left = piece;
    rlx_artifact_export_in in = sized<rlx_artifact_export_in>();
    in.executable = it.compiled->executable();
    in.write = Stopping::write;
    in.user = &sink;
    auto out = roomy<rlx_artifact_export_out>();
    auto error = roomy<rlx_error>();
    run.phase("artifact.export_code");
    run.status("an export that is stopped at piece " + number(piece), artifact_table(*it.session)->export_code(it.session->device(), &in, &out, &error), RLX_STATUS_CANCELLED, error.message);
    run.equal("pieces after the one at which the sink said stop", sink.after, 0);
  }
  Artifact again;
  if (!export_artifact(*it.session, it.compiled->executable(), again)) return;
  refused_or_right(it, again.bytes, "what is exported after stopped exports");
  if (it.compiled->run(run.seed())) run.expect(it.compiled->outputs() == it.right, "the executable is right after its exports", "other results");
}

/// Two executables of one artifact; what they want, share and drop; an artifact of an imported one.
void lives(Run& run, Subject& it) {
  Loan first(it.artifact.bytes), second(it.artifact.bytes);
  rlx_executable *one = nullptr, *two = nullptr;
  if (!run.status("import_code", import_artifact(*it.session, first.import_in(it.image), &one), RLX_STATUS_OK)) return;
  rlx_artifact_import_in in = second.import_in(it.image);
  if (!run.status("a second import_code", import_artifact(*it.session, in, &two), RLX_STATUS_OK)) return;
  auto a = std::make_unique<Model>(*it.session, it.image), b = std::make_unique<Model>(*it.session, it.image);
  a->adopt(one);
  b->adopt(two);
  if (!a->prepare() || !a->make_context() || !b->prepare() || !b->make_context()) return;
  run.equal("arenas of the imported executable", a->arenas().size(), it.compiled->arenas().size());
  for (std::size_t i = 0; i < std::min(a->arenas().size(), it.compiled->arenas().size()); ++i)
    run.equal("bytes of arena " + number(i), a->arenas()[i].bytes, it.compiled->arenas()[i].bytes);
  if (a->run(run.seed())) run.expect(a->outputs() == it.right, "the first imported executable is right", "other results");
  run.equal("drops while the first executable is there", static_cast<std::uint64_t>(first.drops()), 0);
  Artifact again;
  if (export_artifact(*it.session, a->executable(), again) && !again.bytes.empty()) refused_or_right(it, again.bytes, "the artifact of an imported executable");
  a.reset();
  run.equal("drops when the first executable is gone", static_cast<std::uint64_t>(first.drops()), 1);
  if (b->run(run.seed())) run.expect(b->outputs() == it.right, "the second imported executable is right when the first is gone", "other results");
  b.reset();
  run.equal("drops when the second executable is gone", static_cast<std::uint64_t>(second.drops()), 1);
  Loan silent(it.artifact.bytes);
  in = silent.import_in(it.image);
  in.drop = nullptr;
  Model third(*it.session, it.image);
  if (!run.status("an import without a drop function", import_artifact(*it.session, in, &one), RLX_STATUS_OK)) return;
  third.adopt(one);
  if (third.prepare() && third.make_context() && third.run(run.seed())) run.expect(third.outputs() == it.right, "an executable without a drop function is right", "other results");
}

void art_pieces(Run& run) {
  const auto it = subject(run);
  if (!it) return;
  if (run.key().starts_with("cut")) return cut(run, *it);
  if (run.key().starts_with("longer")) return longer(*it);
  if (run.key().starts_with("sink")) return stopped_sink(run, *it);
  lives(run, *it);
}

// ---- ART-04

std::vector<std::string> check_cases(const Facts& facts, Profile) { return with_images(facts, {"check"}); }

/// What check says of a blob; anything but a sound answer fails the case.
std::int32_t ask(Session& session, rlx_plugin* plugin, const std::string& blob, std::uint32_t* verdict) {
  Run& run = session.run();
  Guarded memory(blob.size(), 1);
  memcpy(memory.data(), blob.data(), blob.size());
  memory.read_only(true);
  rlx_artifact_check_in in = sized<rlx_artifact_check_in>();
  in.compat = blob.empty() ? nullptr : memory.data();
  in.compat_size = static_cast<std::uint32_t>(blob.size());
  auto out = roomy<rlx_artifact_check_out>();
  auto error = roomy<rlx_error>();
  run.phase("artifact.check");
  const std::int32_t status = artifact_table(session)->check(plugin, &in, &out, &error);
  *verdict = out.verdict;
  if (status != RLX_STATUS_OK) return status;
  run.expect(out.verdict <= RLX_ARTIFACT_OPTIMAL, "the verdict is stale, works or optimal", number(out.verdict));
  const std::size_t length = strnlen(out.reason, sizeof out.reason);
  run.expect(length < sizeof out.reason && is_utf8(std::string(out.reason, length)), "the reason is text that ends", "it is not");
  run.expect(out.verdict == RLX_ARTIFACT_OPTIMAL || length, "what is not optimal has a reason", "none");
  return status;
}

void not_optimal(Session& session, rlx_plugin* plugin, const std::string& blob, const std::string& what) {
  std::uint32_t verdict = 0;
  const std::int32_t status = ask(session, plugin, blob, &verdict);
  session.run().expect(status == RLX_STATUS_INVALID_ARGUMENT || (status == RLX_STATUS_OK && verdict != RLX_ARTIFACT_OPTIMAL),
                       "check refuses " + what + ", or calls it stale or working", text("status %d, verdict %u", status, verdict));
}

void art_check(Run& run) {
  const ImageBytes image = run.image(run.key().substr(run.key().find('/') + 1));
  Artifact artifact;
  if (image.empty() || !export_elsewhere(run, image, artifact)) return;
  const auto session = Session::open(run);
  if (!session) return;
  rlx_open_in open = sized<rlx_open_in>();
  open.abi_minor = session->library().answer().abi_minor;
  auto opened = roomy<rlx_open_out>();
  if (!run.status("an instance that opens no device", session->tables().plugin->open(&open, &opened, nullptr), RLX_STATUS_OK)) return;
  std::uint32_t verdict = 0;
  const std::int32_t status = ask(*session, opened.plugin, artifact.compat, &verdict);
  run.status("check of its own blob", status, RLX_STATUS_OK);
  run.equal("the verdict on its own blob", verdict, RLX_ARTIFACT_OPTIMAL);
  for (std::size_t at = 0; at < artifact.compat.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string blob = artifact.compat;
      blob[at] = static_cast<char>(blob[at] ^ (1 << bit));
      not_optimal(*session, opened.plugin, blob, "a blob with another bit in byte " + number(at));
    }
  for (std::size_t size = 0; size < artifact.compat.size(); ++size) not_optimal(*session, opened.plugin, artifact.compat.substr(0, size), "a blob cut to " + number(size) + " bytes");
  not_optimal(*session, opened.plugin, artifact.compat + '\0', "a blob with a byte more");
  not_optimal(*session, opened.plugin, std::string(artifact.compat.size() + 1, '\0'), "a blob of zeros");
  not_optimal(*session, opened.plugin, std::string(RLX_COMPAT_BYTES_MAX, '\xff'), "a blob of ones");
  session->tables().plugin->close(opened.plugin);
}

constexpr Check kChecks[] = {
    {"ART-02", 0, "Artifacts that are damaged, or of another image, are refused, or the executable is right.", 100, damage_cases, art_damage},
    {"ART-03", 4, "Artifacts that are cut are refused, a sink stops an export, and the bytes are dropped exactly once, when their executable is gone.", 100, piece_cases, art_pieces},
    {"ART-04", 4, "check calls its own blob optimal, also in another process and without a device, and no other.", 50, check_cases, art_check},
};

}  // namespace

std::span<const Check> art_checks() { return kChecks; }

}  // namespace rlx::conform
