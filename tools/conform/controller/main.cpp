// SPDX-License-Identifier: Apache-2.0
// rlx-conform: what `rlx conform` starts. It needs nothing of the runtime's library.
#include <exception>
#include <filesystem>

#include "tools/conform/controller/conform.h"
#include "tools/conform/controller/interrupt.h"

int main(int argc, char** argv) {
  try {
    rlx::conform::catch_interrupts();
    std::error_code error;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
    return rlx::conform::run_conform({argv + 1, argv + argc}, rlx::conform::find_programs(own.parent_path().string()));
  } catch (const std::exception& exception) {
    std::printf("rlx conform: %s\nVERDICT: harness error\n", exception.what());
    return static_cast<int>(rlx::conform::ExitCode::kHarnessError);
  }
}
