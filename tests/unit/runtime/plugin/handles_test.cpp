// SPDX-License-Identifier: Apache-2.0
// The wrappers over a well-behaved plugin: every slot once, errors with the plugin's words, lifetimes in any
// order.
#include <array>
#include <optional>

#include "fakes.h"

namespace rlx::testing {
namespace {

class Handles : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = registry_->open_device("fake:1");
    ASSERT_TRUE(opened) << opened.error().to_string();
    device_.emplace(*std::move(opened));
  }
  ExecutableHandle compile() {
    CompileRequest request;
    request.image = std::as_bytes(std::span(image_));
    auto executable = device_->compile(request);
    EXPECT_TRUE(executable);
    return *std::move(executable);
  }
  std::unique_ptr<PluginRegistry> registry_ = registry_for({fake("good")});
  std::optional<DeviceHandle> device_;
  std::array<std::uint64_t, 2> image_{};
};

TEST_F(Handles, DescribeTheDevice) {
  EXPECT_EQ(device_->ordinal(), 1u);
  EXPECT_EQ(device_->info().name, "a fake device");
  EXPECT_TRUE(device_->info().has(RLX_DEVICE_FLAG_HOST_MEMORY));
  EXPECT_EQ(device_->fingerprint()->text, "fake 1");
  EXPECT_EQ(device_->fingerprint()->hash, (Hash128{1, 2}));
  const auto claims = device_->claims();
  ASSERT_TRUE(claims);
  ASSERT_EQ(claims->size(), 1u);
  EXPECT_EQ((*claims)[0].opcode, 7u);
  EXPECT_EQ((*claims)[0].flags, RLX_CLAIM_DETERMINISTIC);
}

TEST_F(Handles, BuffersKeepBytes) {
  auto a = device_->alloc(100, 64), b = device_->alloc(100);
  ASSERT_TRUE(a && b);
  const std::array<char, 4> text = {'a', 'b', 'c', 'd'};
  ASSERT_TRUE(a->write(96, std::as_bytes(std::span(text))));
  ASSERT_TRUE(b->copy_from(*a, 96, 0, 4));
  std::array<char, 4> back{};
  ASSERT_TRUE(b->read(0, std::as_writable_bytes(std::span(back))));
  EXPECT_EQ(back, text);
  EXPECT_EQ((*device_->memory_stats())->used_bytes, 200u);
  a = device_->alloc(0);
  EXPECT_EQ((*device_->memory_stats())->used_bytes, 100u);
}

TEST_F(Handles, ErrorsCarryPluginCallAndWords) {
  auto buffer = device_->alloc(4);
  const Status past = buffer->read(2, std::as_writable_bytes(std::span(image_)));
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code(), ErrorCode::kBackendError);
  EXPECT_EQ(past.error().message(),
            "org.example.fake: buffer read: past the end of the buffer (invalid argument)");
  const auto much = device_->alloc(std::uint64_t{1} << 40);
  ASSERT_FALSE(much);
  EXPECT_EQ(much.error().code(), ErrorCode::kOutOfMemory);
  const auto unsupported = device_->compile({});
  ASSERT_FALSE(unsupported);
  EXPECT_EQ(unsupported.error().code(), ErrorCode::kUnsupportedOps);
  EXPECT_HAS(unsupported.error().message(), "(unsupported, op 3)");
}

TEST_F(Handles, ImportingHostMemoryIsAnAbilityThatMayBeMissing) {
  EXPECT_FALSE(device_->can_import_host());
  EXPECT_EQ(device_->import_host({}).error().code(), ErrorCode::kUnsupportedOps);
}

TEST_F(Handles, SupportAnswersCarryReasons) {
  const auto answer = device_->query_support(std::as_bytes(std::span(image_)), 2);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->verdicts.size(), 2u);
  EXPECT_EQ(answer->verdicts[0].verdict, RLX_VERDICT_NATIVE);
  EXPECT_EQ(answer->verdicts[1].verdict, RLX_VERDICT_UNSUPPORTED);
  EXPECT_EQ(answer->verdicts[1].reason, "only the first");
  EXPECT_FALSE(answer->depends_on_dims);
}

TEST_F(Handles, ParamSetsSayWhatMisses) {
  const ExecutableHandle executable = compile();
  auto set = device_->create_params(3);
  ASSERT_TRUE(set);
  int dropped = 0;
  ParamEntry entry;
  entry.drop = [](void* user) { ++*static_cast<int*>(user); };
  entry.drop_user = &dropped;
  ASSERT_TRUE(set->put(entry));
  EXPECT_EQ(dropped, 1);
  EXPECT_EQ(set->prepare(executable).error().code(), ErrorCode::kBackendError) << "not sealed";
  ASSERT_TRUE(set->seal());
  const auto missing = set->prepare(executable);
  ASSERT_TRUE(missing) << missing.error().to_string();
  EXPECT_EQ(*missing, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(set->usage()->pack_count, 1u);
  set->release(executable);
}

TEST_F(Handles, ContextsRun) {
  const ExecutableHandle executable = compile();
  const auto info = executable.info();
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->own_plan);
  EXPECT_EQ(info->code_bytes, sizeof image_);
  EXPECT_EQ(info->pack_key, (Hash128{5, 6}));
  ASSERT_EQ(info->arenas.size(), 1u);
  std::vector<std::byte> memory(info->arenas[0].bytes);
  const rlx_arena arena{memory.data(), nullptr, 0, memory.size()};
  EXPECT_FALSE(executable.create_context({}));
  auto context = executable.create_context(std::span(&arena, 1));
  ASSERT_TRUE(context);
  std::array<float, 3> in = {1, 2, 3}, out{};
  rlx_view from{}, to{};
  from.host = in.data();
  to.host = out.data();
  from.bytes = to.bytes = sizeof in;
  ASSERT_TRUE(context->execute(nullptr, std::span(&from, 1), std::span(&to, 1)));
  EXPECT_EQ(in, out);
  to.bytes = 0;
  EXPECT_EQ(context->execute(nullptr, std::span(&from, 1), std::span(&to, 1)).error().code(),
            ErrorCode::kDataError);
  EXPECT_EQ(context->execute(nullptr, {}, {}).error().code(), ErrorCode::kBackendError);
}

TEST_F(Handles, OptionsReachThePlugin) {
  DeviceRequest request;
  request.options = {{"speed", "11"}};
  const auto device = registry_->open_device("fake:0", request);
  ASSERT_FALSE(device);
  EXPECT_HAS(device.error().message(), "this device has no options");
}

TEST_F(Handles, LiveOnWithoutWhatTheyWereMadeFrom) {
  auto buffer = device_->alloc(16);
  ASSERT_TRUE(buffer);
  registry_.reset();
  device_.reset();
  EXPECT_TRUE(buffer->write(0, std::as_bytes(std::span(image_))));
}

}  // namespace
}  // namespace rlx::testing
