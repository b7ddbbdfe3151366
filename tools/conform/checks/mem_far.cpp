// SPDX-License-Identifier: Apache-2.0
// MEM-12: a tensor of more than 2^31 elements. A view with rows far apart touches a few pages of it, so that it costs nothing.
#include <rlx/ops.h>

#include <cstdlib>
#include <fstream>

#include "tools/conform/checks/mem.h"
#include "tools/conform/shared/far.h"

namespace rlx::conform {
namespace {

/// Bytes that the machine could still give, or 0.
std::uint64_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) return std::strtoull(line.c_str() + 13, nullptr, 10) * 1024;
  return 0;
}

}  // namespace

std::vector<std::string> far_cases(const Facts& facts, Profile profile) {
  return profile != Profile::kQuick && facts.claim(RLX_OP_COPY) ? std::vector<std::string>{"copy"} : std::vector<std::string>{};
}

void far_elements(Run& run) {
  if (available_bytes() < 3 * static_cast<std::uint64_t>(kFarBytes)) return run.skip("less than three times the tensor's memory is available");
  const auto scene = open_scene(run, "far");
  if (!scene) return;
  Model& model = *scene->model;
  if (!model.make_context()) return;
  unsigned char* data = model.input_memory(0).data();
  std::string wanted;
  for (std::int64_t row = 0; row < kFarRows; ++row)
    for (std::int64_t column = 0; column < kFarColumns; ++column) {
      wanted += static_cast<char>(16 * row + column + 1);
      data[row * kFarStride + column] = static_cast<unsigned char>(wanted.back());
    }
  if (!model.run(0)) return;  // on the inputs as they are
  same_bits(run, "rows of which the last lies past 2^31 elements", model.outputs(), wanted);
}

}  // namespace rlx::conform
