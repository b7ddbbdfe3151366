// SPDX-License-Identifier: Apache-2.0
// rlx.packs/1: packs that leave the process and come back, keys that say what they are of, drops, what is refused.
#include <rlx/ext/draft/packs.h>

#include "image_maker.h"
#include "plugin_host.h"

namespace rlx_test {
namespace {

constexpr int kK = 24, kN = 20;

const rlx_packs_1& packs() {
  rlx_query_in in = query_in();
  rlx_query_out out = sized<rlx_query_out>();
  EXPECT_EQ(library().query(&in, &out, nullptr), RLX_STATUS_OK);
  return *static_cast<const rlx_packs_1*>(out.get_interface(str(RLX_INTERFACE_PACKS_1)));
}

rlx::lir::Image linear_image(int rows) {
  ImageMaker m;
  const auto x = m.input("x", DType::kF32, {rows, kK});
  const auto w = m.param("w", DType::kF32, {kK, kN}, 0);
  const auto y = m.output("y", DType::kF32, {rows, kN});
  m.op(RLX_OP_LINEAR, {x, w}, {y}, {{RLX_ATTR_PARTS, rlx::Dim(1)}});
  return m.image();
}

std::vector<float> weights(float step) {
  std::vector<float> values(kK * kN);
  for (size_t i = 0; i < values.size(); ++i) values[i] = step * float(i % 13) - 0.5f;
  return values;
}

/// A set of one weight, with a content hash, to which packs may be offered before it is sealed.
struct HashedSet {
  HashedSet(const Device& device, const std::vector<float>& values, rlx_hash128 hash, std::vector<rlx_pack> offered = {},
            int* offer_drops = nullptr) : data(values) {
    rlx_params_create_in create = sized<rlx_params_create_in>();
    create.count = 1;
    rlx_params_create_out created = sized<rlx_params_create_out>();
    EXPECT_EQ(library().params->create(device.get(), &create, &created, nullptr), RLX_STATUS_OK);
    set = created.set;
    static const int64_t dims[2] = {kK, kN};
    rlx_put_in put = sized<rlx_put_in>();
    put.dtype = RLX_DTYPE_F32;
    put.rank = 2;
    put.dims = dims;
    put.host = data.data();
    put.bytes = data.size() * 4;
    put.hash = hash;
    put.drop = [](void* user) { ++*static_cast<int*>(user); };
    put.drop_user = &drops;
    EXPECT_EQ(library().params->put(set, &put, nullptr, nullptr), RLX_STATUS_OK);
    if (!offered.empty()) {
      rlx_packs_offer_in offer = sized<rlx_packs_offer_in>();
      offer.count = uint32_t(offered.size());
      offer.rows = offered.data();
      offer.stride = sizeof(rlx_pack);
      offer.drop = [](void* user) { if (user) ++*static_cast<int*>(user); };
      offer.drop_user = offer_drops;
      EXPECT_EQ(packs().offer(set, &offer, nullptr, nullptr), RLX_STATUS_OK);
    }
    library().params->seal(set, nullptr, nullptr, nullptr);
  }
  ~HashedSet() { library().params->destroy(set); }
  int32_t prepare(const Executable& executable) const {
    rlx_prepare_in in = sized<rlx_prepare_in>();
    in.executable = executable.get();
    rlx_prepare_out out = sized<rlx_prepare_out>();
    return library().params->prepare(set, &in, &out, nullptr);
  }
  std::vector<rlx_pack> list(const Executable& executable) const {
    rlx_pack rows[4] = {};
    rlx_packs_list_in in = sized<rlx_packs_list_in>();
    in.capacity = 4;
    in.rows = rows;
    in.stride = sizeof(rlx_pack);
    in.executable = executable.get();
    rlx_packs_list_out out = sized<rlx_packs_list_out>();
    EXPECT_EQ(packs().list(set, &in, &out, nullptr), RLX_STATUS_OK);
    return {rows, rows + std::min(out.count, 4u)};
  }
  rlx_usage_out usage() const {
    rlx_usage_out out = sized<rlx_usage_out>();
    EXPECT_EQ(library().params->usage(set, nullptr, &out, nullptr), RLX_STATUS_OK);
    return out;
  }
  std::vector<float> data;
  int drops = 0;
  rlx_param_set* set = nullptr;
};

std::vector<float> run(const Executable& executable, const HashedSet& set, int rows) {
  Context context(executable);
  std::vector<float> x(size_t(rows) * kK);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i % 7) - 3;
  Tensor input = f32({rows, kK}, x), output = empty_like(RLX_DTYPE_F32, {rows, kN});
  const rlx_view in = input.view(), out = output.view();
  EXPECT_EQ(context.run(set.set, {&in, 1}, {&out, 1}), RLX_STATUS_OK) << context.message();
  return output.values<float>();
}

/// Packed bytes in memory of their own, as a mapped file gives them.
struct Kept {
  explicit Kept(const rlx_pack& row) : memory(row.bytes), pack(row) {
    memcpy(memory.data(), row.data, row.bytes);
    pack.data = memory.data();
  }
  Bytes memory;
  rlx_pack pack;
};

TEST(Packs, AreUsedInPlaceByAnotherSet) {
  Device first, second;
  Executable made(first, linear_image(3)), used(second, linear_image(5));
  std::vector<float> wanted;
  std::unique_ptr<Kept> kept;
  {
    HashedSet set(first, weights(0.25f), {11, 12});
    ASSERT_EQ(set.prepare(made), RLX_STATUS_OK);
    const auto rows = set.list(made);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_TRUE(rows[0].key.low || rows[0].key.high);
    EXPECT_EQ(rows[0].bytes, set.usage().packed_bytes);
    kept = std::make_unique<Kept>(rows[0]);
    wanted = run(made, set, 3);
  }
  int drops = 0;
  {
    HashedSet set(second, weights(0.25f), {11, 12}, {kept->pack}, &drops);
    ASSERT_EQ(set.prepare(used), RLX_STATUS_OK);
    EXPECT_EQ(set.list(used).at(0).data, kept->pack.data) << "in place";
    EXPECT_EQ(set.usage().packed_bytes, 0u);
    EXPECT_EQ(set.usage().shared_bytes, kept->pack.bytes);
    const auto seen = run(used, set, 5);
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), seen.begin())) << "the same bits";
    EXPECT_EQ(drops, 0);
  }
  EXPECT_EQ(drops, 1);
}

TEST(Packs, KeysSayOfWhatTheyAre) {
  Device device;
  Executable executable(device, linear_image(2));
  const auto key = [&](rlx_hash128 hash) {
    HashedSet set(device, weights(1), hash);
    EXPECT_EQ(set.prepare(executable), RLX_STATUS_OK);
    return set.list(executable).at(0).key;
  };
  const rlx_hash128 a = key({1, 2}), again = key({1, 2}), b = key({2, 1}), none = key({0, 0});
  EXPECT_TRUE(a.low == again.low && a.high == again.high);
  EXPECT_FALSE(a.low == b.low && a.high == b.high);
  EXPECT_TRUE(none.low == 0 && none.high == 0) << "weights without a hash have no key";
}

TEST(Packs, OffersThatDoNotFitArePassedOver) {
  Device device;
  Executable executable(device, linear_image(2));
  std::unique_ptr<Kept> kept;
  std::vector<float> wanted;
  {
    HashedSet set(device, weights(2), {5, 5});
    ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
    kept = std::make_unique<Kept>(set.list(executable).at(0));
    wanted = run(executable, set, 2);
  }
  rlx_pack other_key = kept->pack, short_bytes = kept->pack, odd = kept->pack, null = kept->pack;
  other_key.key.low ^= 1;
  short_bytes.bytes -= 64;
  odd.data = static_cast<const char*>(odd.data) + 4;
  null.data = nullptr;
  HashedSet set(device, weights(2), {5, 5}, {other_key, short_bytes, odd, null});
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  EXPECT_NE(set.list(executable).at(0).data, kept->pack.data);
  EXPECT_EQ(run(executable, set, 2), wanted);
}

TEST(Packs, SetsOfEqualContentHoldItOnce) {
  Device device;
  Executable executable(device, linear_image(2));
  auto first = std::make_unique<HashedSet>(device, weights(1), rlx_hash128{7, 8});
  HashedSet second(device, weights(1), {7, 8});
  EXPECT_EQ(second.drops, 1) << "its bytes are those of the first";
  ASSERT_EQ(first->prepare(executable), RLX_STATUS_OK);
  ASSERT_EQ(second.prepare(executable), RLX_STATUS_OK);
  EXPECT_EQ(first->list(executable).at(0).data, second.list(executable).at(0).data);
  EXPECT_EQ(second.usage().packed_bytes, 0u);
  EXPECT_EQ(first->drops, 0);
  const auto wanted = run(executable, *first, 2);
  library().params->destroy(std::exchange(first->set, nullptr));
  EXPECT_EQ(first->drops, 0) << "the second still reads them";
  EXPECT_EQ(run(executable, second, 2), wanted);
  library().params->destroy(std::exchange(second.set, nullptr));
  EXPECT_EQ(first->drops, 1);
}

TEST(Packs, RefusesWhatBreaksTheContract) {
  Device device;
  Executable executable(device, linear_image(2)), other(device, linear_image(3));
  HashedSet set(device, weights(1), {1, 1});
  rlx_packs_list_in in = sized<rlx_packs_list_in>();
  rlx_packs_list_out out = sized<rlx_packs_list_out>();
  EXPECT_EQ(packs().list(set.set, &in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  in.executable = executable.get();
  EXPECT_EQ(packs().list(set.set, &in, &out, nullptr), RLX_STATUS_FAILED_PRECONDITION);
  ASSERT_EQ(set.prepare(executable), RLX_STATUS_OK);
  EXPECT_EQ(packs().list(set.set, &in, &out, nullptr), RLX_STATUS_OK);
  EXPECT_EQ(out.count, 1u) << "all of them, without room for any";
  rlx_pack row{};
  in.rows = &row;
  in.capacity = 1;
  in.stride = 12;
  EXPECT_EQ(packs().list(set.set, &in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(packs().list(nullptr, &in, &out, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  int drops = 0;
  rlx_packs_offer_in offer = sized<rlx_packs_offer_in>();
  offer.drop = [](void* user) { ++*static_cast<int*>(user); };
  offer.drop_user = &drops;
  EXPECT_EQ(packs().offer(set.set, &offer, nullptr, nullptr), RLX_STATUS_FAILED_PRECONDITION) << "sealed";
  EXPECT_EQ(packs().offer(nullptr, &offer, nullptr, nullptr), RLX_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(drops, 2) << "also when it fails";
}

}  // namespace
}  // namespace rlx_test
