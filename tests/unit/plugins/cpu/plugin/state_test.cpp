// SPDX-License-Identifier: Apache-2.0
// State pairs: one memory under two names, never overwritten before it was read.
#include <sys/mman.h>

#include <algorithm>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

using rlx::Dim;

TEST(State, UpdateSliceWritesInPlace) {
  ImageMaker m;
  const auto cache = m.input("cache", DType::kF32, {4, 2}), u = m.input("u", DType::kF32, {1, 2}),
             at = m.input("at", DType::kI64, {2});
  const auto next = m.output("next", DType::kF32, {4, 2});
  m.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {cache, u, at}, {next});
  m.state(0, 0);
  Device device;
  Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  EXPECT_EQ(executable.info().arena_count == 0 || executable.info().arenas[0].bytes == 0, true)
      << "no copy of the state";
  Context context(executable);
  Tensor state = f32({4, 2}, std::vector<float>(8, 0)), update = f32({1, 2}, {5, 6});
  for (int64_t row : {2, 0}) {
    Tensor start = tensor<int64_t>(RLX_DTYPE_I64, {2}, {row, 0});
    const rlx_view in[3] = {state.view(), update.view(), start.view()}, out = state.view();
    ASSERT_EQ(context.run(nullptr, in, {&out, 1}), RLX_STATUS_OK) << context.message();
  }
  EXPECT_EQ(state.values<float>(), (std::vector<float>{5, 6, 0, 0, 5, 6, 0, 0}));
}

TEST(State, PairMustBeOneMemory) {
  ImageMaker m;
  const auto s = m.input("s", DType::kF32, {2});
  const auto n = m.output("n", DType::kF32, {2});
  m.op(RLX_OP_UNARY, {s}, {n}, {{RLX_ATTR_FN, Dim(RLX_UNARY_NEG)}});
  m.state(0, 0);
  Device device;
  Executable executable(device, m.image());
  Context context(executable);
  Tensor a = f32({2}, {1, 2}), b = f32({2}, {0, 0});
  const rlx_view in = a.view(), apart = b.view(), same = a.view();
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&apart, 1}), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(context.message().find("\"n\""), std::string::npos) << context.message();
  EXPECT_EQ(context.run(nullptr, {&in, 1}, {&same, 1}), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(a.values<float>(), (std::vector<float>{-1, -2}));
}

/// The new state is written while the old one is still wanted: reversed by its own op, read by a later op,
/// and returned.
TEST(State, OldStateIsReadBeforeItIsOverwritten) {
  ImageMaker m;
  const auto s = m.input("s", DType::kF32, {4}), t = m.input("t", DType::kF32, {4});
  const auto reversed = m.view(s, {4}, {-1}, 12);
  const auto s_next = m.output("s next", DType::kF32, {4}), sum = m.output("sum", DType::kF32, {4});
  m.op(RLX_OP_COPY, {reversed}, {s_next});
  m.op(RLX_OP_BINARY, {s, t}, {sum}, {{RLX_ATTR_FN, Dim(RLX_BINARY_ADD)}});
  m.output_of("old", s);
  m.output_of("t next", s);
  m.state(0, 0);
  m.state(1, 3);
  Device device;
  Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  Context context(executable);
  Tensor sv = f32({4}, {1, 2, 3, 4}), tv = f32({4}, {10, 20, 30, 40}), sums = empty_like(RLX_DTYPE_F32, {4}),
         old = sums;
  const rlx_view in[2] = {sv.view(), tv.view()}, out[4] = {sv.view(), sums.view(), old.view(), tv.view()};
  ASSERT_EQ(context.run(nullptr, in, out), RLX_STATUS_OK) << context.message();
  EXPECT_EQ(sv.values<float>(), (std::vector<float>{4, 3, 2, 1}));
  EXPECT_EQ(sums.values<float>(), (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(old.values<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(tv.values<float>(), (std::vector<float>{1, 2, 3, 4}));
}

/// Memory of the kernel's, of which it says which pages were ever touched.
class Pages {
 public:
  explicit Pages(size_t bytes) : bytes_(bytes) {
    memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(memory_, MAP_FAILED);
    madvise(memory_, bytes, MADV_NOHUGEPAGE);
  }
  ~Pages() { munmap(memory_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  char* data() const { return static_cast<char*>(memory_); }
  size_t touched() const {
    std::vector<unsigned char> there(bytes_ / kPage);
    EXPECT_EQ(mincore(memory_, bytes_, there.data()), 0);
    return static_cast<size_t>(std::count_if(there.begin(), there.end(), [](unsigned char page) { return page & 1; }));
  }
  rlx_view view(const std::vector<int64_t>& dims) const {
    rlx_view view{};
    view.host = memory_;
    view.bytes = bytes_;
    view.dtype = RLX_DTYPE_F32;
    view.rank = static_cast<uint32_t>(dims.size());
    view.dims = dims.data();
    return view;
  }

  static constexpr size_t kPage = 4096;

 private:
  size_t bytes_;
  void* memory_;
};

// One step of a decoder: keys and values of one token go into the cache, and one query looks at what is filled.
TEST(State, AStepTouchesWhatItWritesAndWhatIsFilledAndNothingElse) {
  constexpr int64_t kRoom = 1 << 20, kWidth = 16;
  ImageMaker m;
  const Dims cache_dims = {1, 1, kRoom, kWidth}, row = {1, 1, 1, kWidth};
  const auto keys = m.input("keys", DType::kF32, cache_dims), values = m.input("values", DType::kF32, cache_dims),
             q = m.input("q", DType::kF32, row), start = m.input("start", DType::kI64, {4}),
             lengths = m.input("lengths", DType::kI64, {1});
  const auto new_keys = m.output("new keys", DType::kF32, cache_dims),
             new_values = m.output("new values", DType::kF32, cache_dims), y = m.output("y", DType::kF32, row);
  m.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {keys, q, start}, {new_keys});
  m.op(RLX_OP_DYNAMIC_UPDATE_SLICE, {values, q, start}, {new_values});
  m.op(RLX_OP_ATTENTION, {q, new_keys, new_values, lengths}, {y},
       {{RLX_ATTR_MASK_KIND, Dim(RLX_MASK_LENGTHS)}, {RLX_ATTR_CAUSAL, Dim(RLX_CAUSAL_LENGTH)}});
  m.state(0, 0);
  m.state(1, 1);
  Device device;
  Executable executable(device, m.image());
  ASSERT_EQ(executable.status(), RLX_STATUS_OK) << executable.error().message;
  uint64_t arena_bytes = 0;
  for (uint32_t i = 0; i < executable.info().arena_count; ++i) arena_bytes += executable.info().arenas[i].bytes;
  EXPECT_LT(arena_bytes, 1u << 20) << "no copy of the cache";
  Context context(executable);
  const size_t bytes = kRoom * kWidth * sizeof(float);
  const Pages key_pages(bytes), value_pages(bytes);
  const std::vector<int64_t> dims = {1, 1, kRoom, kWidth};
  for (int64_t step = 0; step < 200; ++step) {
    Tensor query = f32({1, 1, 1, kWidth}, std::vector<float>(kWidth, static_cast<float>(step % 7)));
    Tensor at = tensor<int64_t>(RLX_DTYPE_I64, {4}, {0, 0, step, 0}), length = tensor<int64_t>(RLX_DTYPE_I64, {1}, {step + 1});
    Tensor out = empty_like(RLX_DTYPE_F32, {1, 1, 1, kWidth});
    const rlx_view in[5] = {key_pages.view(dims), value_pages.view(dims), query.view(), at.view(), length.view()},
                   outs[3] = {key_pages.view(dims), value_pages.view(dims), out.view()};
    ASSERT_EQ(context.run(nullptr, in, outs), RLX_STATUS_OK) << context.message();
    EXPECT_EQ(reinterpret_cast<const float*>(key_pages.data())[step * kWidth], static_cast<float>(step % 7));
  }
  const size_t filled = 200 * kWidth * sizeof(float) / Pages::kPage + 1;
  EXPECT_LE(key_pages.touched(), filled + 1) << "of " << bytes / Pages::kPage << " pages";
  EXPECT_LE(value_pages.touched(), filled + 1);
  EXPECT_GE(key_pages.touched(), filled - 1);
}

}  // namespace
}  // namespace rlx_test
