// SPDX-License-Identifier: Apache-2.0
// Compiled code as bytes: exported by a process that ends before this one loads the plugin, imported from memory that can
// only be read, and that nobody may touch once it was dropped.
#pragma once

#include <rlx/ext/artifact.h>

#include <atomic>
#include <functional>
#include <string>

#include "tools/conform/worker/model.h"

namespace rlx::conform {

struct Artifact {
  std::string bytes, compat;
  std::size_t pieces = 0;
};

/// Null where the plugin does not offer rlx.artifact/1.
const rlx_artifact_1* artifact_table(const Session& session);

/// Fails the case where export does not answer OK, or the counts do not fit what was written.
bool export_artifact(Session& session, rlx_executable* executable, Artifact& out);

/// In a child process, before this one has loaded anything: compiles the image and exports. False where the case has failed
/// or ended: the image is not NATIVE, or there is nothing worth keeping.
bool export_elsewhere(Run& run, const ImageBytes& image, Artifact& out);

/// The bytes of an artifact on loan to an import. Outlives the executable.
class Loan {
 public:
  explicit Loan(const std::string& bytes);
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  int drops() const { return drops_; }
  rlx_artifact_import_in import_in(const ImageBytes& image);

 private:
  static void dropped(void* user);
  Guarded memory_;
  std::atomic<int> drops_{0};
};

/// The status of import_code; `executable` is null where it is not OK.
std::int32_t import_artifact(Session& session, const rlx_artifact_import_in& in, rlx_executable** executable, rlx_error* error = nullptr);

}  // namespace rlx::conform
