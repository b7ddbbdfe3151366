// SPDX-License-Identifier: Apache-2.0
// rlx_fail: what a caller's error record holds afterwards.
#include <gtest/gtest.h>
#include <rlx/types.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

rlx_error empty_error() {
  rlx_error error;
  std::memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  return error;
}

TEST(Fail, FillsTheRecordAndReturnsTheStatus) {
  rlx_error error = empty_error();
  EXPECT_EQ(rlx_fail(&error, RLX_STATUS_UNSUPPORTED, 7, 42, "op 7: rank 9"), RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(error.status, RLX_STATUS_UNSUPPORTED);
  EXPECT_EQ(error.op_index, 7u);
  EXPECT_EQ(error.detail, 42u);
  EXPECT_EQ(error.retryable, 0u);
  EXPECT_EQ(error.scope, RLX_SCOPE_CALL);
  EXPECT_STREQ(error.message, "op 7: rank 9");
  EXPECT_EQ(error.struct_size, sizeof error);
}

TEST(Fail, WithoutARecordOnlyTheStatusReturns) {
  EXPECT_EQ(rlx_fail(nullptr, RLX_STATUS_IO, 0, 0, "x"), RLX_STATUS_IO);
}

TEST(Fail, WithoutAMessageTheTextIsEmpty) {
  rlx_error error = empty_error();
  error.message[0] = 'x';
  rlx_fail(&error, RLX_STATUS_INTERNAL, RLX_NO_INDEX, 0, nullptr);
  EXPECT_STREQ(error.message, "");
}

TEST(Fail, ScopeAndRetryFollowTheStatus) {
  rlx_error error = empty_error();
  rlx_fail(&error, RLX_STATUS_DEVICE_LOST, RLX_NO_INDEX, 0, "gone");
  EXPECT_EQ(error.scope, RLX_SCOPE_DEVICE);
  rlx_fail(&error, RLX_STATUS_OUT_OF_MEMORY, RLX_NO_INDEX, 0, "full");
  EXPECT_EQ(error.scope, RLX_SCOPE_CALL);
  EXPECT_EQ(error.retryable, 1u);
}

TEST(Fail, CutsALongMessageAtAUtf8Border) {
  for (std::size_t lead = RLX_ERROR_MESSAGE_BYTES - 6; lead < RLX_ERROR_MESSAGE_BYTES + 2; ++lead) {
    std::string message(lead, 'a');
    for (int i = 0; i < 4; ++i) message += "\xE2\x82\xAC";  // three bytes each
    rlx_error error = empty_error();
    rlx_fail(&error, RLX_STATUS_INTERNAL, 0, 0, message.c_str());
    const std::string seen = error.message;
    ASSERT_LT(seen.size(), RLX_ERROR_MESSAGE_BYTES);
    EXPECT_EQ(seen, message.substr(0, seen.size()));
    EXPECT_EQ(seen.size() < lead ? 0 : (seen.size() - lead) % 3, 0u) << lead;
    EXPECT_GE(seen.size() + 3, RLX_ERROR_MESSAGE_BYTES - 1);
  }
}

TEST(Fail, AShortRecordIsNotOverrun) {
  std::vector<unsigned char> memory(64, 0xAB);
  const std::uint32_t size = 48;
  std::memcpy(memory.data(), &size, sizeof size);
  rlx_fail(reinterpret_cast<rlx_error*>(memory.data()), RLX_STATUS_IO, 1, 2,
           "a message that is longer than eight bytes");
  for (std::size_t i = size; i < memory.size(); ++i) EXPECT_EQ(memory[i], 0xAB) << i;
}

}  // namespace
