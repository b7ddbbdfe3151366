// SPDX-License-Identifier: Apache-2.0
// The worker's half of a numeric check: it knows neither what is right nor which check it serves.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tools/conform/worker/artifact.h"
#include "tools/conform/worker/model.h"
#include "tools/conform/worker/refusal.h"
#include "tools/conform/worker/survey.h"

namespace rlx::conform {
namespace {

bool read_bytes(const std::string& name, std::string& out) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return false;
  out.assign(std::istreambuf_iterator<char>(file), {});
  return true;
}

bool take_data(Run& run, Model& model) {
  std::string bytes;
  for (std::size_t i = 0; i < model.info().inputs.size(); ++i) {
    if (!run.take_file("in" + number(i), bytes)) return false;
    model.set_input(i, bytes);
  }
  for (std::size_t i = 0; i < model.info().params.size(); ++i) {
    if (!run.take_file("param" + number(i), bytes)) return false;
    model.set_param(i, bytes);
  }
  return true;
}

/// The file `refused` says that the data are wrong; where it holds a word, no byte of an output may change either.
void refuse(Run& run, Model& model, bool untouched) {
  const std::string before = model.outputs();
  if (!model.run(0, nullptr, RLX_STATUS_DATA_ERROR) || !model.intact() || !untouched) return;
  run.expect(model.outputs() == before, "what is refused as DATA_ERROR writes nothing", "outputs have changed");
}

bool import_into(Run& run, Session& session, Model& model, Loan& loan) {
  rlx_executable* executable = nullptr;
  auto error = roomy<rlx_error>();
  rlx_artifact_import_in in = loan.import_in(model.image());
  const std::vector<rlx_option> options = model.options().rows();
  in.options = options.empty() ? nullptr : options.data();
  in.option_count = static_cast<std::uint32_t>(options.size());
  in.option_stride = options.empty() ? 0 : sizeof(rlx_option);
  const std::int32_t status = import_artifact(session, in, &executable, &error);
  model.adopt(executable);
  return run.status("import_code", status, RLX_STATUS_OK, error.message);
}

}  // namespace

void compute(Run& run) {
  std::string image;
  if (!run.take_file("case.lir", image)) return;
  const bool through_artifact = std::ifstream("through_artifact").good();
  Artifact artifact;
  if (through_artifact && !export_elsewhere(run, ImageBytes(image), artifact)) return;
  Loan loan(artifact.bytes);  // outlives the executable
  const auto session = Session::open(run);
  if (!session) return;
  Model model(*session, ImageBytes(image));
  if (!model.native()) return end_refused(run, *session, model);
  if (!take_data(run, model) || !(through_artifact ? import_into(run, *session, model, loan) : model.compile()) || !model.prepare() || !model.make_context()) return;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) model.input_memory(i).read_only(true);
  if (std::string how; read_bytes("refused", how)) return refuse(run, model, !how.empty());
  if (!model.run(0)) return;
  if (!model.intact()) return;
  for (std::size_t i = 0; i < model.info().outputs.size(); ++i) {
    const Guarded& memory = model.output_memory(i);
    if (!run.leave_file("out" + number(i), {reinterpret_cast<const char*>(memory.data()), memory.size()})) return;
  }
}

namespace {

/// Verdicts of the image's ops; the status of the query where it has none.
std::vector<rlx_verdict> asked(Session& session, const ImageBytes& image, std::int32_t& status, rlx_error* error) {
  std::vector<rlx_verdict> verdicts(image_info(image).ops);
  rlx_query_support_in in = sized<rlx_query_support_in>();
  in.image = image.data();
  in.image_bytes = image.size();
  in.verdict_stride = sizeof(rlx_verdict);
  in.verdicts = verdicts.data();
  in.verdict_count = verdicts.size();
  auto out = roomy<rlx_query_support_out>();
  status = session.tables().compile->query_support(session.device(), &in, &out, error);
  return verdicts;
}

}  // namespace

void ask(Run& run) {
  std::string bytes;
  if (!run.take_file("case.lir", bytes)) return;
  const auto session = Session::open(run);
  if (!session) return;
  auto error = roomy<rlx_error>();
  std::int32_t status = 0;
  run.phase("query_support");
  const std::vector<rlx_verdict> verdicts = asked(*session, ImageBytes(bytes), status, &error);
  if (!run.status("query_support", status, RLX_STATUS_OK, error.message)) return;
  std::string words;
  for (const rlx_verdict& verdict : verdicts) words.append(reinterpret_cast<const char*>(&verdict.verdict), sizeof verdict.verdict);
  run.leave_file("verdicts", words);
}

void ask_each(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  std::string words, bytes;
  for (std::uint64_t i = 0; read_bytes("case" + number(i) + ".lir", bytes); ++i) {
    run.phase(("query_support of image " + number(i)).c_str());
    std::int32_t status = 0;
    const std::vector<rlx_verdict> verdicts = asked(*session, ImageBytes(bytes), status, nullptr);
    // A query that is refused answers for its op too.
    const std::uint32_t verdict = status == RLX_STATUS_OK && !verdicts.empty() ? verdicts[0].verdict : RLX_VERDICT_UNSUPPORTED;
    words.append(reinterpret_cast<const char*>(&verdict), sizeof verdict);
  }
  // An assertion, so that the case is not WEAK.
  run.expect(run.leave_file("verdicts", words), "the verdicts are written", "they are not");
}

}  // namespace rlx::conform
