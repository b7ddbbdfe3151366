// SPDX-License-Identifier: Apache-2.0
// The handshake without a child process before it: a host that does not probe survives all that does not kill
// at once.
#include "fakes.h"

namespace rlx::testing {
namespace {

TEST(Handshake, TakesEveryTable) {
  const auto plugin = load_fake("good");
  ASSERT_TRUE(plugin) << plugin.error().to_string();
  EXPECT_EQ((*plugin)->abi_minor, 1u);
  EXPECT_EQ((*plugin)->lir_version, RLX_LIR_VERSION);
  EXPECT_NE((*plugin)->execute, nullptr);
  EXPECT_EQ((*plugin)->interface("rlx.nonsense/1"), nullptr);
  EXPECT_EQ((*plugin)->file.identity.size(), 40u) << "a sha1 build id in hexadecimal";
}

TEST(Handshake, NamesWhatIsMissing) {
  EXPECT_HAS(load_fake("missing_interface").error().message(), "no interface `rlx.params/1`");
  EXPECT_HAS(load_fake("null_slot").error().message(), "slot `seal`");
}

TEST(Handshake, DistrustsTheAnswer) {
  EXPECT_HAS(load_fake("other_descriptor").error().message(), "another descriptor");
  EXPECT_HAS(load_fake("wrong_minor").error().message(), "chose ABI minor 5");
  EXPECT_HAS(load_fake("odd_status").error().message(), "77");
}

TEST(Handshake, CatchesExceptions) {
  const auto plugin = load_fake("query_throws");
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().code(), ErrorCode::kPluginFault);
  EXPECT_HAS(plugin.error().message(), "thrown by query");
}

TEST(Handshake, KeepsTheLinkersWords) {
  const auto plugin = load_fake("undefined_symbol");
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().message(), "the dynamic linker refuses it: " + fake("undefined_symbol").string() +
                                          ": undefined symbol: rlx_fake_that_nobody_defines");
}

TEST(Handshake, LoadsFullPathsOnly) {
  const auto library = Library::load("good.so", false);
  ASSERT_FALSE(library);
  EXPECT_HAS(library.error().message(), "no full path");
}

TEST(Handshake, LibraryWithoutTheSymbolIsRefused) {
  const auto library = Library::load(fs::canonical("/proc/self/exe"), false);
  EXPECT_FALSE(library);
}

}  // namespace
}  // namespace rlx::testing
