// SPDX-License-Identifier: Apache-2.0
// The door: handshake, tables, descriptor, sizes of structs.
#include "plugin_host.h"

namespace rlx_test {
namespace {

struct Handshake {
  int32_t status;
  rlx_query_out out;
  std::string message;
};
Handshake shake(const rlx_query_in& in) {
  Handshake result{0, sized<rlx_query_out>(), ""};
  rlx_error error = sized<rlx_error>();
  result.status = library().query(&in, &result.out, &error);
  result.message = error.message;
  return result;
}

TEST(Entry, ChoosesTheHighestCommonVersions) {
  rlx_query_in in = query_in();
  in.abi_minor_min = 0;
  in.abi_minor_max = 9;
  in.lir_version_max = 7;
  const Handshake hand = shake(in);
  ASSERT_EQ(hand.status, RLX_STATUS_OK);
  EXPECT_EQ(hand.out.abi_minor, RLX_ABI_MINOR);
  EXPECT_EQ(hand.out.lir_version, RLX_LIR_VERSION);
}

TEST(Entry, RefusesRangesThatDoNotMeetAndNamesBoth) {
  const auto refused = [](auto change) {
    rlx_query_in in = query_in();
    change(in);
    const Handshake hand = shake(in);
    EXPECT_EQ(hand.status, RLX_STATUS_VERSION);
    EXPECT_EQ(hand.out.descriptor, nullptr);
    return hand.message;
  };
  refused([](rlx_query_in& in) { in.abi_epoch += 1; });
  refused([](rlx_query_in& in) { in.abi_major += 1; });
  refused([](rlx_query_in& in) { in.abi_minor_min = in.abi_minor_max = 0; });
  refused([](rlx_query_in& in) { in.lir_version_min = in.lir_version_max = 0; });
  const std::string text = refused([](rlx_query_in& in) { in.abi_minor_min = 40, in.abi_minor_max = 47; });
  EXPECT_NE(text.find("40 to 47"), std::string::npos) << text;
  EXPECT_NE(text.find("1 to 1"), std::string::npos) << text;
}

TEST(Entry, RefusesWrongSizesAndUnknownFields) {
  rlx_query_in in = query_in();
  rlx_query_out out = sized<rlx_query_out>();
  in.struct_size = 8;
  EXPECT_EQ(library().query(&in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  in.struct_size = sizeof in;
  out.struct_size = 4;
  EXPECT_EQ(library().query(&in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(library().query(nullptr, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  struct Longer {
    rlx_alloc_in in;
    char tail[64];
  } longer{};
  longer.in.struct_size = sizeof longer;
  longer.in.bytes = 16;
  Device device;
  rlx_alloc_out made = sized<rlx_alloc_out>();
  ASSERT_EQ(library().buffer->alloc(device.get(), &longer.in, &made, nullptr), RLX_STATUS_OK);
  library().buffer->free(made.buffer);
  longer.tail[5] = 1;
  rlx_error error = sized<rlx_error>();
  EXPECT_EQ(library().buffer->alloc(device.get(), &longer.in, &made, &error), RLX_STATUS_UNKNOWN_FIELD);
  EXPECT_EQ(error.detail, offsetof(Longer, tail) + 5);
}

TEST(Entry, DescriptorSaysWhatTheDeviceIs) {
  const rlx_query_in in = query_in();
  const Handshake hand = shake(in);
  ASSERT_NE(hand.out.descriptor, nullptr);
  const rlx_descriptor& descriptor = *hand.out.descriptor;
  EXPECT_STREQ(descriptor.magic, "RLXPLUG");
  EXPECT_EQ(descriptor.size, RLX_DESCRIPTOR_BYTES);
  EXPECT_STREQ(descriptor.id, "org.rlx.cpu");
  EXPECT_STREQ(descriptor.kinds[0], "cpu");
  EXPECT_EQ(hand.out.get_interface(str("rlx.nothing/1")), nullptr);
  EXPECT_EQ(hand.out.get_interface(str(RLX_INTERFACE_COMPILE_1)), library().compile);
}

TEST(Entry, DeviceInfoFitsACallerWhoseStructIsOlder) {
  rlx_open_out opened = sized<rlx_open_out>();
  ASSERT_EQ(library().plugin->open(nullptr, &opened, nullptr), RLX_STATUS_OK);
  rlx_device_info_out info = sized<rlx_device_info_out>();
  EXPECT_EQ(library().plugin->device_info(opened.plugin, nullptr, &info, nullptr), RLX_STATUS_OK);
  EXPECT_STREQ(info.kind, "cpu");
  EXPECT_NE(info.memory_bytes, 0u);
  EXPECT_NE(std::string(info.name).find("1 thread"), std::string::npos) << info.name;
  struct Wider {
    rlx_device_info_out out;
    char after[16];
  } wider{};
  memset(wider.after, 0x5a, sizeof wider.after);
  wider.out.struct_size = sizeof wider;
  EXPECT_EQ(library().plugin->device_info(opened.plugin, nullptr, &wider.out, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(wider.out.struct_size, sizeof(rlx_device_info_out));
  for (char byte : wider.after) EXPECT_EQ(byte, 0x5a);
  rlx_device_info_in second = sized<rlx_device_info_in>();
  second.ordinal = 1;
  EXPECT_EQ(library().plugin->device_info(opened.plugin, &second, &info, nullptr), RLX_STATUS_NOT_FOUND);
  library().plugin->close(opened.plugin);
}

TEST(Entry, RefusesOptionsByName) {
  const rlx_option option = {str("speed"), str("ludicrous")};
  rlx_open_in in = sized<rlx_open_in>();
  in.options = &option;
  in.option_count = 1;
  in.option_stride = sizeof option;
  rlx_open_out out = sized<rlx_open_out>();
  rlx_error error = sized<rlx_error>();
  EXPECT_EQ(library().plugin->open(&in, &out, &error), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("speed"), std::string::npos) << error.message;
}

TEST(Entry, PrecisionIsTheOneOptionOfCompiling) {
  rlx_open_out opened = sized<rlx_open_out>();
  ASSERT_EQ(library().plugin->open(nullptr, &opened, nullptr), RLX_STATUS_OK);
  rlx_describe_options_out described = sized<rlx_describe_options_out>();
  ASSERT_EQ(library().plugin->describe_options(opened.plugin, nullptr, &described, nullptr), RLX_STATUS_OK);
  ASSERT_EQ(described.count, 1u);
  EXPECT_EQ(std::string(described.rows[0].key.data, described.rows[0].key.size), "precision");
  library().plugin->close(opened.plugin);
  Device device;
  const auto compile = [&](const char* value, rlx_error* error) {
    const rlx_option option = {str("precision"), str(value)};
    rlx_compile_in in = sized<rlx_compile_in>();
    in.options = &option;
    in.option_count = 1;
    in.option_stride = sizeof option;
    rlx_compile_out out = sized<rlx_compile_out>();
    return library().compile->compile_lir(device.get(), &in, &out, error);
  };
  rlx_error error = sized<rlx_error>();
  EXPECT_EQ(compile("bf16", nullptr), RLX_STATUS_INVALID_IMAGE) << "past the options: there is no image";
  EXPECT_EQ(compile("f99", &error), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("f99"), std::string::npos) << error.message;
}

TEST(Entry, NullsAreRefusedOrDoNothing) {
  library().plugin->close(nullptr);
  library().device->close(nullptr);
  library().buffer->free(nullptr);
  library().params->destroy(nullptr);
  library().compile->executable_destroy(nullptr);
  library().execute->context_destroy(nullptr);
  rlx_device_open_out out = sized<rlx_device_open_out>();
  EXPECT_EQ(library().device->open(nullptr, nullptr, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  Device device;
  EXPECT_EQ(library().buffer->alloc(device.get(), nullptr, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  rlx_compile_out compiled = sized<rlx_compile_out>();
  EXPECT_EQ(library().compile->compile_lir(device.get(), nullptr, &compiled, nullptr),
            RLX_STATUS_INVALID_IMAGE);
}

}  // namespace
}  // namespace rlx_test
