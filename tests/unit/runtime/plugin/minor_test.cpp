// SPDX-License-Identifier: Apache-2.0
// Structs that grow: a host and a plugin of different minors, both ways. The grown structs are the tests'
// own.
#include <cstring>

#include "fakes.h"
#include "runtime/plugin/handle_support.h"
#include "tests/fakes/minor3.h"

namespace rlx {
template <>
struct AddedFields<rlx_device_open_in_3> {
  static std::span<const rlx_field> rows() { return rlx_device_open_in_3_fields; }
};
}  // namespace rlx

namespace rlx::testing {
namespace {

HostVersions host_of_minor(std::uint32_t minor) {
  HostVersions host;
  host.abi_minor_max = minor;
  return host;
}

/// What a host of minor 3 would do to open a device; counts how often the plugin was really called.
struct Opened {
  Status status;
  int calls = 0;
  rlx_memory_stats_out_3 stats{};
};

Opened open_as_minor3(const std::shared_ptr<const Plugin>& plugin, std::uint64_t hint, std::uint64_t must) {
  Opened opened;
  const auto instance = PluginInstance::open(plugin);
  EXPECT_TRUE(instance) << instance.error().to_string();
  auto in = sized<rlx_device_open_in_3>();
  in.hint = hint;
  in.must = must;
  auto out = sized<rlx_device_open_out>();
  opened.status = call_in_out(*plugin, "device open", in, out, [&](rlx_error* error) {
    ++opened.calls;
    return plugin->device->open(instance->get(), reinterpret_cast<const rlx_device_open_in*>(&in), &out,
                                error);
  });
  if (!out.device) return opened;
  opened.stats.struct_size = sizeof opened.stats;
  rlx_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(plugin->device->memory_stats(out.device, nullptr,
                                         reinterpret_cast<rlx_memory_stats_out*>(&opened.stats), &error),
            0);
  plugin->device->close(out.device);
  return opened;
}

TEST(Minors, NewHostAndNewPluginSpeakTheNewest) {
  const auto plugin = load_fake("minor3", host_of_minor(3));
  ASSERT_TRUE(plugin) << plugin.error().to_string();
  EXPECT_EQ((*plugin)->abi_minor, 3u);
  const Opened opened = open_as_minor3(*plugin, 11, 22);
  EXPECT_TRUE(opened.status);
  EXPECT_EQ(opened.stats.hint_seen, 11u);
  EXPECT_EQ(opened.stats.must_seen, 22u);
}

TEST(Minors, NewHostDropsHintsForAnOldPlugin) {
  const auto plugin = load_fake("good", host_of_minor(3));
  ASSERT_TRUE(plugin) << plugin.error().to_string();
  EXPECT_EQ((*plugin)->abi_minor, 1u);
  const Opened opened = open_as_minor3(*plugin, 11, 0);
  EXPECT_TRUE(opened.status)
      << opened.status.error().to_string();  // the plugin refuses bytes it does not know
  EXPECT_EQ(opened.calls, 1);
  EXPECT_EQ(opened.stats.struct_size, sizeof(rlx_memory_stats_out));
  EXPECT_EQ(opened.stats.hint_seen, 0u);
}

TEST(Minors, NewHostDoesNotSendAMustToAnOldPlugin) {
  const auto plugin = load_fake("good", host_of_minor(3));
  ASSERT_TRUE(plugin);
  const Opened opened = open_as_minor3(*plugin, 0, 22);
  ASSERT_FALSE(opened.status);
  EXPECT_EQ(opened.calls, 0);
  EXPECT_HAS(opened.status.error().message(), "needs a newer plugin");
}

TEST(Minors, AMustOfAMiddleMinorIsKeptOrRefusedByTheMinorInCommon) {
  const auto plugin = load_fake("minor3", host_of_minor(2));
  ASSERT_TRUE(plugin);
  EXPECT_EQ((*plugin)->abi_minor, 2u);
  EXPECT_EQ(open_as_minor3(*plugin, 11, 0).stats.hint_seen, 11u);
  EXPECT_EQ(open_as_minor3(*plugin, 11, 22).calls, 0);
}

TEST(Minors, OldHostOpensANewPluginWithZeros) {
  const auto registry = registry_for({fake("minor3")});
  const auto device = registry->open_device("minor3");
  ASSERT_TRUE(device) << device.error().to_string();
  const auto stats = device->memory_stats();
  ASSERT_TRUE(stats);
  EXPECT_EQ((*stats)->used_bytes, 40u);
}

TEST(Minors, NewPluginNeverOverrunsAnOldHostsOutStruct) {
  const auto registry = registry_for({fake("minor3")});
  const auto device = registry->open_device("minor3");
  ASSERT_TRUE(device);
  struct {
    rlx_memory_stats_out stats;
    unsigned char guard[32];
  } memory{};
  std::memset(memory.guard, 0xA5, sizeof memory.guard);
  memory.stats.struct_size = sizeof memory.stats;
  for (int twice = 0; twice < 2; ++twice) {
    ASSERT_EQ(device->plugin().device->memory_stats(device->get(), nullptr, &memory.stats, nullptr),
              RLX_STATUS_OK);
    EXPECT_EQ(memory.stats.struct_size, sizeof memory.stats);
    for (const unsigned char byte : memory.guard) EXPECT_EQ(byte, 0xA5);
  }
}

}  // namespace
}  // namespace rlx::testing
