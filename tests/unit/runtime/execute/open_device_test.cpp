// SPDX-License-Identifier: Apache-2.0
// Devices that this runtime cannot serve are refused when they are opened, by name.
#include <gtest/gtest.h>
#include <rlx/host/runtime.hpp>

#include "tests/unit/runtime/execute/support.h"

namespace rlx {
namespace {

TEST(OpenDevice, RefusesOneThatWantsWeightsWhenItCompiles) {
  RuntimeOptions options;
  options.plugin_paths = {RLX_BAKED_PLUGIN};
  options.only_plugin_paths = true;
  auto runtime = Runtime::discover(options);
  ASSERT_TRUE(runtime);
  for (const char* name : {"baked:0", "baked", ""})
    rlx_test::expect_error(runtime->device(name), ErrorCode::kPluginRejected, {"baked:0", "org.example.baked", "WEIGHTS_AT_COMPILE"});
  EXPECT_FALSE(runtime->devices().empty()) << "it is listed all the same";
}

}  // namespace
}  // namespace rlx
