// SPDX-License-Identifier: Apache-2.0
// rlx-conform-reference INPUTS PARAMS (INPUTS: a count, or `steps`): computes what is right for the case in the working directory, into the file
// `expected`. A process of its own, so that a fault of the interpreter is a fault of the tool and no more.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "tools/conform/numeric/expected.h"
#include "tools/conform/shared/protocol.h"

namespace {

using namespace rlx::conform;

void tell(FrameKind kind, const std::string& payload) {
  const FrameHead head{kFrameMagic, static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(payload.size())};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes += payload;
  if (::write(kReportFd, bytes.data(), bytes.size()) < 0) std::_Exit(3);
}

rlx::Result<std::vector<std::string>> read_all(const std::string& prefix, const char* count) {
  std::vector<std::string> out;
  for (int i = 0; i < std::atoi(count); ++i) {
    RLX_ASSIGN(std::string bytes, read_bytes(prefix + std::to_string(i)));
    out.push_back(std::move(bytes));
  }
  return out;
}

/// The class of the file `options`, where there is one.
rlx::Result<rlx::reference::Precision> precision() {
  std::ifstream file("options");
  for (std::string key, value; file >> key >> value;)
    if (key == "precision") return rlx::reference::precision_named(value);
  return rlx::reference::Precision::kF32;
}

rlx::Status compute(const char* inputs, const char* params) {
  if (std::string_view(inputs) == "steps") {
    RLX_ASSIGN(const auto entries, read_all("param", params));
    RLX_ASSIGN(const auto all, expected_of_steps(entries));
    return write_bytes("expected", pack(all));
  }
  RLX_ASSIGN(const std::string image, read_bytes("case.lir"));
  RLX_ASSIGN(const auto in, read_all("in", inputs));
  RLX_ASSIGN(const auto param, read_all("param", params));
  RLX_ASSIGN(const auto named, precision());
  RLX_ASSIGN(const auto expected, expected_outputs(image, in, param, named));
  return write_bytes("expected", pack(expected));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const rlx::Status status = compute(argv[1], argv[2]);
  if (!status) tell(FrameKind::kFail, join_texts({"the reference computes the case", status.error().message(), "reference"}));
  tell(FrameKind::kEnd, "");
  return 0;
}
