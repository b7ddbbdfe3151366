// SPDX-License-Identifier: Apache-2.0
// What plugins are offered: a log that reaches the sink, threads that do all the work, nothing unknown.
#include <atomic>
#include <mutex>
#include <stdexcept>

#include "fakes.h"

namespace rlx::testing {
namespace {

const void* service(const HostServices& services, std::string_view id) {
  return services.host()->get_service(services.host()->user, {id.data(), id.size()});
}

TEST(HostServices, PluginsLogToTheSink) {
  std::vector<std::string> lines;
  RegistryOptions options = options_for({fake("good")});
  options.log = [&](std::uint32_t level, std::string_view line) {
    lines.push_back(std::to_string(level) + " " + std::string(line));
  };
  ASSERT_TRUE(PluginRegistry::discover(std::move(options))->open_device("fake"));
  EXPECT_EQ(lines, std::vector<std::string>{"1 fake opened"});
}

TEST(HostServices, ASinkThatThrowsHurtsNobody) {
  RegistryOptions options = options_for({fake("good"), fake("too_old")});
  options.log = [](std::uint32_t, std::string_view) { throw std::runtime_error("no paper"); };
  EXPECT_TRUE(PluginRegistry::discover(std::move(options))->open_device("fake"));
}

TEST(HostServices, OfferThreadsOnlyWhereThereAreAny) {
  EXPECT_EQ(service(HostServices(nullptr, nullptr), RLX_HOST_THREADS_1), nullptr);
  EXPECT_EQ(service(HostServices(nullptr, nullptr), "rlx.host.nonsense/1"), nullptr);
  const HostServices services(nullptr, std::make_shared<ThreadTeam>(3));
  const auto* threads = static_cast<const rlx_host_threads_1*>(service(services, RLX_HOST_THREADS_1));
  ASSERT_NE(threads, nullptr);
  void* const user = services.host()->user;
  EXPECT_EQ(threads->concurrency(user), 3u);
  std::atomic<std::uint64_t> sum{0};
  threads->parallel_for(
      user, 100,
      [](void* context, std::uint64_t piece) { *static_cast<std::atomic<std::uint64_t>*>(context) += piece; },
      &sum);
  EXPECT_EQ(sum, 4950u);
  std::atomic<std::uint32_t> members{0};
  const std::uint32_t size = threads->team(
      user, 8,
      [](void* context, std::uint32_t, std::uint32_t) {
        ++*static_cast<std::atomic<std::uint32_t>*>(context);
      },
      &members);
  EXPECT_EQ(size, members);
}

TEST(HostServices, KeepExceptionsOfBodiesFromCrossing) {
  std::string said;
  const HostServices services([&](std::uint32_t, std::string_view line) { said = line; },
                              std::make_shared<ThreadTeam>(2));
  const auto* threads = static_cast<const rlx_host_threads_1*>(service(services, RLX_HOST_THREADS_1));
  EXPECT_NO_THROW(threads->parallel_for(
      services.host()->user, 4, [](void*, std::uint64_t) { throw 1; }, nullptr));
  EXPECT_HAS(said, "threw an exception");
}

}  // namespace
}  // namespace rlx::testing
