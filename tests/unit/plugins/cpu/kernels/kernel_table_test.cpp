// SPDX-License-Identifier: Apache-2.0
// The choice of a kernel table.
#include "test_support.h"

namespace rlx_cpu {
namespace {

TEST(KernelTable, PortableIsAlwaysThere) {
  EXPECT_TRUE(isa_supported(Isa::kPortable));
  EXPECT_EQ(kernels(Isa::kPortable).isa, Isa::kPortable);
  EXPECT_STREQ(kernels(Isa::kPortable).name, "portable");
}

TEST(KernelTable, DefaultIsTheBestSupported) {
  const Isa best = isa_supported(Isa::kAvx512) ? Isa::kAvx512
                   : isa_supported(Isa::kAvx2) ? Isa::kAvx2
                                               : Isa::kPortable;
  EXPECT_EQ(kernels().isa, best);
}

TEST(KernelTable, UnsupportedFallsBackToOneBelow) {
  for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
    EXPECT_LE(kernels(isa).isa, isa);
    EXPECT_EQ(kernels(isa).isa == isa, isa_supported(isa));
  }
}

}  // namespace
}  // namespace rlx_cpu
