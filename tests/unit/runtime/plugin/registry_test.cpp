// SPDX-License-Identifier: Apache-2.0
// From a device's name to a plugin: routing, ties, shadows, and what errors tell.
#include <thread>

#include "fakes.h"
#include "runtime/base/certificate.h"

namespace rlx::testing {
namespace {

std::string plugin_of(PluginRegistry& registry, std::string_view device, const std::string& wanted = {}) {
  DeviceRequest request;
  request.plugin = wanted;
  const auto opened = registry.open_device(device, request);
  return opened ? opened->plugin().id() : opened.error().to_string();
}

TEST(DeviceNames, AreAKindAndPerhapsANumber) {
  EXPECT_EQ(parse_device_name("fake")->text(), "fake:0");
  EXPECT_EQ(parse_device_name("a_1:12")->ordinal, 12u);
  for (const char* wrong : {"", ":1", "Fake", "fake:", "fake:x", "fake:-1", "fake:1:2", "fake: 1", "1fake",
                            "fake:99999999999", "a_kind_that_is_too_long"})
    EXPECT_EQ(parse_device_name(wrong).error().code(), ErrorCode::kInvalidArgument) << wrong;
}

TEST(Versions, CompareAsNumbers) {
  const std::vector<std::string> ascending = {
      "0.9",        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11",
      "1.0.0-rc.1", "1.0.0",       "1.2.9",         "1.2.10",       "1.10.0",
      "20"};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(compare_versions(ascending[i], ascending[j]), (i > j) - (i < j))
          << ascending[i] << " " << ascending[j];
  EXPECT_EQ(compare_versions("1.0", "1.0.0+build.7"), 0);
}

TEST(PluginRegistry, DiscoveryRunsNoPluginCode) {
  const auto registry = registry_for({fake("load_aborts"), fake("query_crashes"), fake("good")});
  for (const CandidateReport& candidate : registry->report().candidates) {
    EXPECT_EQ(candidate.step, LoadStep::kDescriptor);
    EXPECT_EQ(candidate.verdict, LoadVerdict::kUsable);
    EXPECT_FALSE(candidate.id.empty());
  }
  EXPECT_EQ(registry->kinds(), (std::vector<std::string>{"load_aborts", "query_crashes", "fake"}));
  EXPECT_EQ(registry->team().started(), 0u);
}

TEST(PluginRegistry, LoadsOnlyWhatIsAskedFor) {
  const auto registry = registry_for({fake("good"), fake("minor3")});
  ASSERT_TRUE(registry->open_device("fake"));
  EXPECT_EQ(report_of(*registry, fake("good")).verdict, LoadVerdict::kReady);
  EXPECT_EQ(report_of(*registry, fake("good")).device_count, 2u);
  EXPECT_EQ(report_of(*registry, fake("minor3")).verdict, LoadVerdict::kUsable);
}

TEST(PluginRegistry, TheHigherVersionServesAKind) {
  const auto registry = registry_for({fake("good"), fake("newer")});
  EXPECT_EQ(plugin_of(*registry, "fake"), "org.example.newer");
}

std::unique_ptr<PluginRegistry> registry_of_level(const fs::path& path, int level) {
  RegistryOptions options = options_for({path});
  options.require_level = level;
  return PluginRegistry::discover(std::move(options));
}

void certify(const fs::path& path, int level) {
  Certificate certificate;
  const std::string bytes = slurp(path);
  certificate.file_hash = certificate_hash(std::as_bytes(std::span(bytes.data(), bytes.size())));
  certificate.level = level;
  spill(certificate_path(path), certificate_text(certificate));
}

TEST(PluginRegistry, RefusesWhatIsNotCertifiedToTheLevelWanted) {
  const TempFolder folder;
  const fs::path path = folder.take("good");
  EXPECT_EQ(plugin_of(*registry_of_level(path, 0), "fake"), "org.example.fake");
  const auto uncertified = registry_of_level(path, 3);
  EXPECT_EQ(uncertified->open_device("fake").error().code(), ErrorCode::kPluginRejected);
  EXPECT_HAS(plugin_of(*uncertified, "fake"), "`" + path.string() + "`: uncertified; wanted level 3 of conformance");
  EXPECT_EQ(report_of(*uncertified, path).step, LoadStep::kDescriptor);
  certify(path, 2);
  EXPECT_HAS(plugin_of(*registry_of_level(path, 3), "fake"), "`" + path.string() + "`: level 2; wanted level 3 of conformance");
  EXPECT_EQ(plugin_of(*registry_of_level(path, 2), "fake"), "org.example.fake");
  const std::string bytes = slurp(path);
  fs::remove(path);  // the one that is loaded stays as it is
  spill(path, bytes + "x");
  EXPECT_HAS(plugin_of(*registry_of_level(path, 1), "fake"), "certificate is for another file; wanted level 1");
}

TEST(PluginRegistry, AnExplicitRequestBeatsConfigurationBeatsVersion) {
  RegistryOptions options = options_for({fake("good"), fake("newer"), fake("rival")});
  options.plugin_for_kind["fake"] = "org.example.rival";
  const auto registry = PluginRegistry::discover(std::move(options));
  EXPECT_EQ(plugin_of(*registry, "fake"), "org.example.rival");
  EXPECT_EQ(plugin_of(*registry, "fake", "org.example.fake"), "org.example.fake");
  EXPECT_EQ(plugin_of(*registry, "fake", fake("newer").string()), "org.example.newer");
  EXPECT_HAS(plugin_of(*registry, "fake", "org.example.nobody"),
             "no plugin `org.example.nobody` offers device kind `fake`");
}

TEST(PluginRegistry, ARefusedPluginLeavesItsPlaceToTheNext) {
  std::vector<std::string> warnings;
  RegistryOptions options = options_for({fake("important"), fake("good")});
  options.log = [&](std::uint32_t level, std::string_view line) {
    if (level == RLX_LOG_WARNING) warnings.emplace_back(line);
  };
  const auto registry = PluginRegistry::discover(std::move(options));
  EXPECT_EQ(plugin_of(*registry, "fake"), "org.example.fake");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_HAS(warnings[0], "no interface `rlx.execute/1`");
  EXPECT_HAS(plugin_of(*registry, "fake", "org.example.important"), "no interface `rlx.execute/1`");
}

TEST(PluginRegistry, EqualPluginsAreATieThatNamesBoth) {
  for (const char* other : {"twin", "rival"}) {
    const auto registry = registry_for({fake("good"), fake(other)});
    const auto device = registry->open_device("fake");
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code(), ErrorCode::kPluginAmbiguous);
    EXPECT_HAS(device.error().message(), fake("good").string());
    EXPECT_HAS(device.error().message(), fake(other).string());
  }
}

TEST(PluginRegistry, ACopyOfAFileIsOnlyAShadow) {
  const TempFolder folder;
  const fs::path copy = folder.take("good");
  const auto registry = registry_for({fake("good"), copy});
  EXPECT_EQ(plugin_of(*registry, "fake"), "org.example.fake");
  const auto candidates = registry->report().candidates;
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[1].verdict, LoadVerdict::kShadowed);
  EXPECT_HAS(candidates[1].reason, "the same build as `" + fs::canonical(fake("good")).string());
}

TEST(PluginRegistry, AnEarlierTierShadowsTheSamePlugin) {
  const TempFolder folder;
  fs::create_directories(folder / "rlx/plugins");
  fs::copy_file(fake("twin"), folder / "rlx/plugins/twin.so");
  RegistryOptions options = options_for({fake("good")});
  options.search.use_core_folder = true;
  options.environment.core_folder = folder.path();
  const auto registry = PluginRegistry::discover(std::move(options));
  EXPECT_EQ(report_of(*registry, "twin.so").verdict, LoadVerdict::kShadowed);
  EXPECT_TRUE(registry->open_device("fake:1"));
}

TEST(PluginRegistry, DenyAndAllowListsAreGlobsOnIds) {
  RegistryOptions options = options_for({fake("good"), fake("rival")});
  options.search.deny = {"*.rival"};
  EXPECT_EQ(plugin_of(*PluginRegistry::discover(options), "fake"), "org.example.fake");
  options.search.deny = {};
  options.search.allow = {"org.example.r*"};
  const auto registry = PluginRegistry::discover(options);
  EXPECT_EQ(plugin_of(*registry, "fake"), "org.example.rival");
  EXPECT_EQ(report_of(*registry, "good.so").verdict, LoadVerdict::kDenied);
}

TEST(PluginRegistry, AnUnknownKindGetsTheNearestOne) {
  const auto registry = registry_for({fake("good"), fake("no_descriptor")});
  const auto device = registry->open_device("fakke:0");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code(), ErrorCode::kPluginNotFound);
  EXPECT_HAS(device.error().message(), "did you mean `fake`?");
  EXPECT_HAS(device.error().message(), "looked in: `" + fake("good").string() + "`");
  EXPECT_HAS(device.error().message(), "no plugin descriptor: not loaded");
}

TEST(PluginRegistry, AnOrdinalPastTheCountListsTheDevices) {
  const auto registry = registry_for({fake("good"), fake("minor3")});
  const auto device = registry->open_device("fake:2");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code(), ErrorCode::kDeviceNotFound);
  EXPECT_HAS(device.error().message(), "has 2 devices: `fake:0` (a fake device), `fake:1` (a fake device)");
  EXPECT_HAS(device.error().message(), "other kinds: `minor3`");
}

TEST(PluginRegistry, NoDeviceIsToldInThePluginsWords) {
  const auto registry = registry_for({fake("no_device")});
  const auto device = registry->open_device("no_device");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code(), ErrorCode::kDeviceNotFound);
  EXPECT_HAS(device.error().message(), "finds no device: the driver (libfake.so.1) is not installed");
  EXPECT_EQ(report_of(*registry, "no_device.so").no_device_reason,
            "the driver (libfake.so.1) is not installed");
}

TEST(PluginRegistry, AnEmptyNameTakesTheFirstKindWithADevice) {
  const auto registry = registry_for({fake("no_device"), fake("good")});
  EXPECT_EQ(plugin_of(*registry, ""), "org.example.fake");
  EXPECT_HAS(plugin_of(*registry_for({fake("no_device")}), ""), "no plugin has a device");
}

TEST(PluginRegistry, ListsEveryDevice) {
  const auto registry = registry_for({fake("query_exits"), fake("good"), fake("no_device"), fake("minor3")});
  std::vector<std::string> names;
  for (const DeviceListing& listing : registry->devices())
    names.push_back(listing.device + " " + listing.plugin_id);
  EXPECT_EQ(names, (std::vector<std::string>{"fake:0 org.example.fake", "fake:1 org.example.fake",
                                             "minor3:0 org.example.minor3", "minor3:1 org.example.minor3"}));
}

TEST(PluginRegistry, ManyThreadsOpenAtOnce) {
  const auto registry = registry_for({fake("good"), fake("minor3"), fake("query_exits")});
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      if (registry->open_device(i % 2 ? "fake" : "minor3")) ++opened;
      if (!registry->open_device("query_exits")) ++opened;
      registry->report();
      registry->kinds();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 16);
}

}  // namespace
}  // namespace rlx::testing
