// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/worker/artifact.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

std::int32_t keep(void* user, const void* bytes, std::uint64_t size) {
  auto* artifact = static_cast<Artifact*>(user);
  artifact->bytes.append(static_cast<const char*>(bytes), size);
  ++artifact->pieces;
  return 0;
}

void write_file(const char* name, const std::string& bytes) {
  std::ofstream(name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string read_file(const char* name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

enum ChildEnd : int { kExported, kFailed, kNotNative, kNothing };

ChildEnd export_to_files(Run& run, const ImageBytes& image) {
  const auto session = Session::open(run);
  if (!session) return kFailed;
  Model model(*session, image);
  if (!model.native()) return run.failed() ? kFailed : kNotNative;
  Artifact made;
  if (!model.compile() || !export_artifact(*session, model.executable(), made)) return kFailed;
  if (made.bytes.empty()) return kNothing;
  write_file("artifact", made.bytes);
  write_file("compat", made.compat);
  return kExported;
}

}  // namespace

const rlx_artifact_1* artifact_table(const Session& session) {
  return static_cast<const rlx_artifact_1*>(session.tables().of(RLX_INTERFACE_ARTIFACT_1));
}

bool export_artifact(Session& session, rlx_executable* executable, Artifact& out) {
  Run& run = session.run();
  out = {};
  rlx_artifact_export_in in = sized<rlx_artifact_export_in>();
  in.executable = executable;
  in.write = keep;
  in.user = &out;
  auto made = roomy<rlx_artifact_export_out>();
  auto error = roomy<rlx_error>();
  run.phase("artifact.export_code");
  if (!run.status("export_code", artifact_table(session)->export_code(session.device(), &in, &made, &error), RLX_STATUS_OK, error.message)) return false;
  if (!run.expect(made.compat_size <= RLX_COMPAT_BYTES_MAX, "the compat blob has at most 256 bytes", number(made.compat_size))) return false;
  out.compat.assign(reinterpret_cast<const char*>(made.compat), made.compat_size);
  return run.equal("bytes of the artifact, as export_code says", made.bytes, out.bytes.size());
}

bool export_elsewhere(Run& run, const ImageBytes& image, Artifact& out) {
  run.phase("export in another process");
  const pid_t child = ::fork();
  if (child == 0) leave(export_to_files(run, image));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return run.skip("no process can be made"), false;
  if (!run.expect(WIFEXITED(status) != 0, "the process that exports ends by itself", text("signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0))) return false;
  if (WEXITSTATUS(status) == kNotNative) return run.unsupported("the plugin does not answer NATIVE for this image"), false;
  if (WEXITSTATUS(status) == kNothing) return run.unsupported("export_code says that there is nothing worth keeping"), false;
  if (!run.equal("how the process that exports ended", static_cast<std::uint64_t>(WEXITSTATUS(status)), kExported)) return false;
  out.bytes = read_file("artifact");
  out.compat = read_file("compat");
  return run.expect(!out.bytes.empty(), "the artifact comes back from the other process", "no bytes");
}

Loan::Loan(const std::string& bytes) : memory_(bytes.size(), 64) {
  memcpy(memory_.data(), bytes.data(), bytes.size());
  memory_.read_only(true);
}

void Loan::dropped(void* user) {
  auto* loan = static_cast<Loan*>(user);
  ++loan->drops_;
  loan->memory_.forbid();
}

rlx_artifact_import_in Loan::import_in(const ImageBytes& image) {
  rlx_artifact_import_in in = sized<rlx_artifact_import_in>();
  in.image = image.data();
  in.image_bytes = image.size();
  in.artifact = memory_.data();
  in.artifact_bytes = memory_.size();
  in.drop = dropped;
  in.drop_user = this;
  return in;
}

std::int32_t import_artifact(Session& session, const rlx_artifact_import_in& in, rlx_executable** executable, rlx_error* error) {
  auto out = roomy<rlx_compile_out>();
  session.run().phase("artifact.import_code");
  const std::int32_t status = artifact_table(session)->import_code(session.device(), &in, &out, error);
  *executable = status == RLX_STATUS_OK ? out.executable : nullptr;
  return status;
}

}  // namespace rlx::conform
