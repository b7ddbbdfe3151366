// SPDX-License-Identifier: Apache-2.0
// Every misbehaving plugin beside the good one: its step, verdict and reason are reported, the process lives,
// and the good one works.
#include <dlfcn.h>
#include <elf.h>

#include <cstring>

#include "fakes.h"

namespace rlx::testing {
namespace {

struct Case {
  const char* name;
  LoadStep step;
  LoadVerdict verdict;
  const char* reason;
  ErrorCode code = ErrorCode::kPluginRejected;
};

std::ostream& operator<<(std::ostream& out, const Case& test) { return out << test.name; }

class Fakes : public ::testing::TestWithParam<Case> {};

void expect_good(PluginRegistry& registry) {
  const auto device = registry.open_device("fake:1");
  ASSERT_TRUE(device) << device.error().to_string();
  EXPECT_EQ(device->info().kind, "fake");
}

TEST_P(Fakes, AreReportedAndHideNobody) {
  const Case& test = GetParam();
  RegistryOptions options = options_for({fake(test.name), fake("good")});
  if (std::string(test.name) == "query_hangs") options.probe.timeout = std::chrono::milliseconds(300);
  const auto registry = PluginRegistry::discover(std::move(options));
  registry->devices();
  const CandidateReport report = report_of(*registry, fake(test.name));
  EXPECT_EQ(step_name(report.step), step_name(test.step)) << report.reason;
  EXPECT_EQ(verdict_name(report.verdict), verdict_name(test.verdict));
  EXPECT_HAS(report.reason, test.reason);
  expect_good(*registry);
}

TEST_P(Fakes, AreNamedByTheErrorOfTheirKind) {
  const Case& test = GetParam();
  RegistryOptions options = options_for({fake(test.name), fake("good")});
  if (std::string(test.name) == "query_hangs") options.probe.timeout = std::chrono::milliseconds(300);
  const auto registry = PluginRegistry::discover(std::move(options));
  const CandidateReport report = report_of(*registry, fake(test.name));
  const std::string kind = report.kinds.empty() ? "missing" : report.kinds[0];
  const auto device = registry->open_device(kind);
  ASSERT_FALSE(device);
  EXPECT_HAS(device.error().message(), test.reason);
  if (!report.kinds.empty()) {
    EXPECT_EQ(device.error().code(), test.code) << device.error().to_string();
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Fakes,
    ::testing::Values(
        Case{"no_descriptor", LoadStep::kRead, LoadVerdict::kRefused, "no plugin descriptor: not loaded"},
        Case{"two_descriptors", LoadStep::kRead, LoadVerdict::kRefused,
             "two plugin descriptors in one file: not loaded"},
        Case{"too_old", LoadStep::kDescriptor, LoadVerdict::kRefused, "ABI epoch 0, this runtime 1",
             ErrorCode::kPluginVersion},
        Case{"too_new", LoadStep::kDescriptor, LoadVerdict::kRefused, "ABI minor 7 to 9, this runtime 1",
             ErrorCode::kPluginVersion},
        Case{"sanitized", LoadStep::kDescriptor, LoadVerdict::kRefused,
             "built with MemorySanitizer, this process with"},
        Case{"rare_cpu", LoadStep::kDescriptor, LoadVerdict::kRefused,
             "needs a processor with features 1073741824"},
        Case{"missing_interface", LoadStep::kProbe, LoadVerdict::kRefused, "no interface `rlx.params/1`",
             ErrorCode::kPluginFault},
        Case{"null_slot", LoadStep::kProbe, LoadVerdict::kRefused,
             "slot `seal` of its interface `rlx.params/1` is null", ErrorCode::kPluginFault},
        Case{"query_crashes", LoadStep::kProbe, LoadVerdict::kRefused, "the process that",
             ErrorCode::kPluginCrashed},
        Case{"query_hangs", LoadStep::kProbe, LoadVerdict::kRefused, "did not end within 300 ms",
             ErrorCode::kPluginCrashed},
        Case{"query_exits", LoadStep::kProbe, LoadVerdict::kRefused, "ended without a verdict",
             ErrorCode::kPluginCrashed},
        Case{"query_throws", LoadStep::kProbe, LoadVerdict::kRefused,
             "threw an exception across the border: thrown by query", ErrorCode::kPluginFault},
        Case{"other_descriptor", LoadStep::kProbe, LoadVerdict::kRefused,
             "another descriptor than the file's note", ErrorCode::kPluginFault},
        Case{"wrong_minor", LoadStep::kProbe, LoadVerdict::kRefused,
             "chose ABI minor 5, the highest common one is 1", ErrorCode::kPluginFault},
        Case{"odd_status", LoadStep::kProbe, LoadVerdict::kRefused, "returned 77, which is no status",
             ErrorCode::kPluginFault},
        Case{"load_aborts", LoadStep::kProbe, LoadVerdict::kRefused, "signal 6", ErrorCode::kPluginCrashed},
        Case{"undefined_symbol", LoadStep::kProbe, LoadVerdict::kRefused, "rlx_fake_that_nobody_defines"},
        Case{"open_throws", LoadStep::kOpen, LoadVerdict::kRefused,
             "threw an exception across the border: thrown by open", ErrorCode::kPluginFault},
        Case{"open_fails", LoadStep::kOpen, LoadVerdict::kRefused, "xxxx (internal)",
             ErrorCode::kBackendError},
        Case{"no_device", LoadStep::kDevices, LoadVerdict::kNoDevice,
             "the driver (libfake.so.1) is not installed", ErrorCode::kDeviceNotFound},
        Case{"wrong_kind", LoadStep::kDevices, LoadVerdict::kReady, "", ErrorCode::kPluginFault}),
    [](const auto& info) { return info.param.name; });

/// Puts the bytes beside the good plugin and returns the report of the file.
CandidateReport report_of_bytes(const std::string& bytes) {
  const TempFolder folder;
  folder.take("good");
  spill(folder / "odd.so", bytes);
  const auto registry = registry_for({folder.path()});
  expect_good(*registry);
  return report_of(*registry, folder / "odd.so");
}

TEST(FakeFiles, TextIsNoPlugin) {
  const CandidateReport report = report_of_bytes("#!/bin/sh\necho I am no library\n");
  EXPECT_EQ(report.verdict, LoadVerdict::kRefused);
  EXPECT_EQ(report.step, LoadStep::kRead);
  EXPECT_HAS(report.reason, "no ELF file");
}

TEST(FakeFiles, EmptyFileIsNoPlugin) { EXPECT_HAS(report_of_bytes("").reason, "no ELF file"); }

TEST(FakeFiles, MathLibraryIsNotLoaded) {
  Dl_info info{};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "lgamma"), &info), 0);
  EXPECT_EQ(report_of_bytes(slurp(info.dli_fname)).reason, "no plugin descriptor: not loaded");
}

/// Where the part that is mapped ends; what follows is for debuggers.
std::size_t end_of_segments(const std::string& bytes) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::size_t end = 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD) end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
  }
  return end;
}

TEST(FakeFiles, TruncatedFileIsRefusedAtEveryLength) {
  const std::string whole = slurp(fake("twin"));
  const std::size_t end = end_of_segments(whole);
  for (const std::size_t size : {std::size_t{20}, std::size_t{63}, std::size_t{100}, end / 2, end - 1}) {
    const CandidateReport report = report_of_bytes(whole.substr(0, size));
    EXPECT_EQ(report.verdict, LoadVerdict::kRefused);
    EXPECT_HAS(report.reason, "truncated");
  }
}

TEST(FakeFiles, OtherMachinesAreRefused) {
  std::string bytes = slurp(fake("twin"));
  bytes[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_RISCV);
  EXPECT_HAS(report_of_bytes(bytes).reason, "for another machine: ELF machine 243");
}

TEST(FakeFiles, EmptyFolderIsAnErrorThatSaysWhereItLooked) {
  const TempFolder folder;
  const auto registry = registry_for({folder.path()});
  EXPECT_TRUE(registry->report().candidates.empty());
  const auto device = registry->open_device("fake:0");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code(), ErrorCode::kPluginNotFound);
  EXPECT_HAS(device.error().message(), folder.path().string());
  EXPECT_TRUE(registry->devices().empty());
}

}  // namespace
}  // namespace rlx::testing
