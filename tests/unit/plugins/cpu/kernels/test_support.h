// SPDX-License-Identifier: Apache-2.0
// Shared by the kernel tests: the tables of this machine, a portable random fill, buffers that end at a guard
// page.
#ifndef RLX_TESTS_CPU_KERNELS_TEST_SUPPORT_H_
#define RLX_TESTS_CPU_KERNELS_TEST_SUPPORT_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernel_table.h"
#include "rlx/ops.h"

namespace rlx_cpu {

inline const float kInf = std::numeric_limits<float>::infinity();
inline const float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr double kUnit = 5.9604644775390625e-08;  // 2^-24

/// gamma_n of the usual error analysis for f32.
inline double gamma(int64_t n) {
  return static_cast<double>(n) * kUnit / (1 - static_cast<double>(n) * kUnit);
}

/// One case per instruction set that this machine runs.
class KernelTest : public testing::TestWithParam<Isa> {
 protected:
  const KernelTable& table() const { return kernels(GetParam()); }
  void SetUp() override {
    if (!isa_supported(GetParam())) GTEST_SKIP() << "this CPU does not run the instruction set";
  }
};

inline std::string isa_name(const testing::TestParamInfo<Isa>& info) {
  return info.param == Isa::kAvx512 ? "Avx512" : info.param == Isa::kAvx2 ? "Avx2" : "Portable";
}

#define RLX_FOR_EACH_ISA(Suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, Suite, testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvx512), isa_name)

/// Numbers of a fixed sequence, the same on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  uint32_t bits() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state_ >> 32);
  }
  float uniform() { return static_cast<float>(bits() >> 8) / 8388608.0f - 1.0f; }  // [-1, 1)
  int64_t below(int64_t n) { return static_cast<int64_t>(bits() % static_cast<uint32_t>(n)); }

 private:
  uint64_t state_;
};

/// `count` values whose last byte is the last of a page; the page behind cannot be touched.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t count) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    usable_ = (bytes + page - 1) / page * page;
    base_ = static_cast<char*>(
        mmap(nullptr, usable_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + usable_, page, PROT_NONE);
    total_ = usable_ + page;
    data_ = reinterpret_cast<T*>(base_ + usable_ - bytes);
  }
  Guarded(int64_t count, uint64_t seed, float scale = 1.0f) : Guarded(count) {
    Random random(seed);
    for (int64_t i = 0; i < count; ++i) data_[i] = static_cast<T>(random.uniform() * scale);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  Guarded(Guarded&& other) noexcept
      : count_(other.count_),
        base_(other.base_),
        usable_(other.usable_),
        total_(other.total_),
        data_(other.data_) {
    other.base_ = nullptr;
  }
  ~Guarded() {
    if (base_ != nullptr) munmap(base_, total_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return count_; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }
  void fill(T value) {
    for (int64_t i = 0; i < count_; ++i) data_[i] = value;
  }
  std::vector<T> copy() const { return std::vector<T>(data_, data_ + count_); }

 private:
  int64_t count_;
  char* base_;
  size_t usable_;
  size_t total_;
  T* data_;
};

/// Equal bits, so that NaN equals itself and -0 differs from 0.
inline bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// Fails at the first of `n` values whose bits differ.
inline testing::AssertionResult same_bits(const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (!same_bits(a[i], b[i]))
      return testing::AssertionFailure() << "at " << i << ": " << a[i] << " and " << b[i];
  }
  return testing::AssertionSuccess();
}

}  // namespace rlx_cpu

#endif  // RLX_TESTS_CPU_KERNELS_TEST_SUPPORT_H_
