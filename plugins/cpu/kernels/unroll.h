// SPDX-License-Identifier: Apache-2.0
// One spelling for loop unrolling on g++ and clang.
#ifndef RLX_CPU_KERNELS_UNROLL_H_
#define RLX_CPU_KERNELS_UNROLL_H_

#define RLX_CPU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define RLX_CPU_UNROLL(n) RLX_CPU_PRAGMA(unroll n)
#else
#define RLX_CPU_UNROLL(n) RLX_CPU_PRAGMA(GCC unroll n)
#endif

#endif  // RLX_CPU_KERNELS_UNROLL_H_
