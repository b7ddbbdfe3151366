// SPDX-License-Identifier: Apache-2.0
// WGT-02, 05, 06 and 08: where the bytes of weights lie, when they are let go of, and what is wrong with them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "tools/conform/checks/wgt.h"

namespace rlx::conform {

// ---- WGT-02

std::vector<std::string> wgt_source_cases(const Facts& facts, Profile) {
  return usable_keys(facts, {"host", "unaligned", "read-only", "buffer", "heirs", "refused", "unused"});
}

namespace {

void expect_drops(Run& run, Version& version, int most, bool exactly, const std::string& when) {
  for (const auto& source : version.sources())
    run.expect(exactly ? source->drops() == most : source->drops() <= most, when + text(", drop was called %s%d times", exactly ? "" : "at most ", most),
               number(static_cast<std::uint64_t>(source->drops())) + " times");
}

/// Two variants on one set, one prepared late; released, run again, destroyed.
void one_place(Session& session, Place place) {
  Run& run = session.run();
  const auto first = Weighted::open(session, small_chains());
  const auto second = first ? Weighted::open(session, small_chains()) : nullptr;
  if (!second) return;
  Version version(session, first->info(), random_weights(first->info(), run.seed()), place);
  if (!version.fill() || !version.set().prepare(first->executable())) return;
  if (!first->right(version, 1, "a run")) return;
  version.spoil();
  if (!version.set().prepare(second->executable())) return;
  if (!second->right(version, 2, "a run of an executable that was prepared later")) return;
  version.set().release(second->executable());
  if (!first->right(version, 3, "a run after another executable was released")) return;
  version.spoil();
  if (!version.set().prepare(second->executable()) || !second->right(version, 4, "a run after a second prepare")) return;
  expect_drops(run, version, 1, false, "while the set is there");
  first->model().drop_context();
  second->model().drop_context();
  version.set().destroy();
  expect_drops(run, version, 1, true, "when the set is gone");
}

/// The base goes before its heir, which still reads what it shares.
void inherited(Session& session) {
  Run& run = session.run();
  const auto model = Weighted::open(session, small_chains());
  if (!model) return;
  Weights weights = random_weights(model->info(), run.seed());
  Version base(session, model->info(), weights);
  if (!base.fill() || !base.set().prepare(model->executable()) || !model->right(base, 1, "a run on the base")) return;
  weights[1] = random_weights(model->info(), run.seed() + 1)[1];
  Version heir(session, model->info(), weights);
  if (!heir.fill({1}, &base)) return;
  base.set().destroy();
  expect_drops(run, base, 1, false, "while an heir shares them");
  run.equal("drops of the entry that nobody shares", static_cast<std::uint64_t>(base.sources()[1]->drops()), 1);
  if (!heir.set().prepare(model->executable()) || !model->right(heir, 2, "a run on the heir of a base that is gone")) return;
  heir.set().destroy();
  expect_drops(run, base, 1, true, "when base and heir are gone");
  expect_drops(run, heir, 1, true, "when the heir is gone");
}

/// Sources of puts that fail are dropped by the put.
void refused(Session& session) {
  Run& run = session.run();
  auto model = runnable(session, small_chains());
  if (!model) return;
  const TensorInfo& info = model->info().params[0];
  const Weights weights = random_weights(model->info(), run.seed());
  Set set(session);
  if (!set.create(model->info().param_entries)) return;
  const auto put = [&](const char* what, std::int32_t wanted, auto change) {
    Source source(session, weights[0], Place::kHost);
    rlx_put_in in = source.put_in(info);
    change(in);
    run.phase("params.put");
    run.status(what, session.tables().params->put(set.get(), &in, nullptr, nullptr), wanted);
    run.equal(std::string("drops by ") + what, static_cast<std::uint64_t>(source.drops()), 1);
  };
  put("a put past the end", RLX_STATUS_INVALID_ARGUMENT, [&](rlx_put_in& in) { in.index = model->info().param_entries; });
  put("a put of a byte too few", RLX_STATUS_INVALID_ARGUMENT, [](rlx_put_in& in) { --in.bytes; });
  put("a put without a source", RLX_STATUS_INVALID_ARGUMENT, [](rlx_put_in& in) { in.host = nullptr; });
  put("a put of rank 9", RLX_STATUS_INVALID_ARGUMENT, [](rlx_put_in& in) { in.rank = RLX_MAX_RANK + 1; });
  if (!set.seal()) return;
  put("a put after seal", RLX_STATUS_FAILED_PRECONDITION, [](rlx_put_in&) {});
}

/// Sets that nobody seals, prepares or runs let go of their sources too.
void unused(Session& session) {
  Run& run = session.run();
  auto model = runnable(session, small_chains());
  if (!model) return;
  for (const bool sealed : {false, true}) {
    Version version(session, model->info(), random_weights(model->info(), run.seed()));
    if (!version.put() || (sealed && !version.set().seal())) return;
    version.set().destroy();
    expect_drops(run, version, 1, true, sealed ? "when a set that was never prepared is gone" : "when a set that was never sealed is gone");
  }
}

}  // namespace

void wgt_sources(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "heirs") return inherited(*session);
  if (run.key() == "refused") return refused(*session);
  if (run.key() == "unused") return unused(*session);
  const std::string& key = run.key();
  one_place(*session, key == "unaligned" ? Place::kUnaligned : key == "read-only" ? Place::kReadOnly : key == "buffer" ? Place::kBuffer : Place::kHost);
}

// ---- WGT-05

std::vector<std::string> wgt_wrong_cases(const Facts& facts, Profile) {
  return usable_keys(facts, {"missing", "dtype", "shape", "rank", "bytes"});
}

namespace {

/// prepare of a set that has `present` of three entries: the others are listed.
void expect_missing(Session& session, Model& model, const std::vector<std::size_t>& present) {
  Run& run = session.run();
  const ImageInfo& info = model.info();
  Version version(session, info, random_weights(info, run.seed()));
  if (present.empty() ? !version.set().create(info.param_entries) || !version.set().seal() : !version.fill(present)) return;
  std::vector<bool> wanted(info.param_entries, true);
  for (const std::size_t index : present) wanted[index] = false;
  const auto count = static_cast<std::uint64_t>(info.params.size() - present.size());
  for (std::uint32_t capacity = 0; capacity <= info.param_entries; ++capacity) {
    Guarded list(capacity * sizeof(std::uint32_t), 4);
    rlx_prepare_in in = sized<rlx_prepare_in>();
    in.executable = model.executable();
    in.missing = capacity ? reinterpret_cast<std::uint32_t*>(list.data()) : nullptr;
    in.missing_capacity = capacity;
    auto out = roomy<rlx_prepare_out>();
    auto error = roomy<rlx_error>();
    run.phase("params.prepare");
    run.status("prepare without all entries", session.tables().params->prepare(version.set().get(), &in, &out, &error), RLX_STATUS_NOT_FOUND, error.message);
    run.equal("missing_count", out.missing_count, count);
    run.expect(strstr(error.message, number(count).c_str()) || strstr(error.message, info.params[0].name.c_str()),
               "the message tells how many entries are missing, or which", error.message);
    std::vector<bool> seen(info.param_entries);
    for (std::uint32_t i = 0; i < capacity && i < count; ++i) {
      std::uint32_t index = 0;
      memcpy(&index, list.data() + i * sizeof index, sizeof index);
      const bool fits = index < wanted.size() && wanted[index] && !seen[index];
      run.expect(fits, "an entry of the list is one that is missing, once", number(index));
      if (fits) seen[index] = true;
    }
  }
}

/// One entry is not what the image declares: prepare, or put, refuses it by name; the executable stays usable.
void expect_refused(Session& session, Weighted& model, const std::string& key) {
  Run& run = session.run();
  const ImageInfo& info = model.info();
  const TensorInfo& wrong = info.params[2];
  const Weights weights = random_weights(info, run.seed());
  Version version(session, info, weights);
  if (!version.put({0, 1})) return;
  Source source(session, weights[2], Place::kHost);
  rlx_put_in in = source.put_in(wrong);
  std::vector<std::int64_t> dims = wrong.dims;
  if (key == "dtype") in.dtype = RLX_DTYPE_I32;
  if (key == "shape") std::swap(dims[0], dims[1]);
  if (key == "rank") dims.push_back(1);
  if (key == "bytes") in.bytes -= 4;
  in.dims = dims.data();
  in.rank = static_cast<std::uint32_t>(dims.size());
  auto error = roomy<rlx_error>();
  run.phase("params.put");
  std::int32_t status = session.tables().params->put(version.set().get(), &in, nullptr, &error);
  if (key != "bytes" && run.status("a put that fits itself", status, RLX_STATUS_OK, error.message) && version.set().seal()) {
    rlx_prepare_in prepare = sized<rlx_prepare_in>();
    prepare.executable = model.executable();
    auto out = roomy<rlx_prepare_out>();
    run.phase("params.prepare");
    status = session.tables().params->prepare(version.set().get(), &prepare, &out, &error);
  }
  run.status("an entry of another " + key + " than declared", status, RLX_STATUS_INVALID_ARGUMENT, error.message);
  run.expect(strstr(error.message, wrong.name.c_str()) || strstr(error.message, number(wrong.set_index).c_str()),
             "the message names \"" + wrong.name + "\" or entry " + number(wrong.set_index), error.message);
  Version good(session, info, weights);
  if (good.fill() && good.set().prepare(model.executable())) model.right(good, 1, "a run on a good set afterwards");
  version.set().destroy();
}

}  // namespace

void wgt_wrong(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  const auto model = Weighted::open(*session, small_chains());
  if (!model) return;
  if (run.key() != "missing") return expect_refused(*session, *model, run.key());
  const std::vector<std::vector<std::size_t>> present = {{}, {0}, {1}, {2}, {0, 2}};
  for (const auto& indices : present) expect_missing(*session, model->model(), indices);
}

// ---- WGT-06

std::vector<std::string> wgt_key_cases(const Facts& facts, Profile) {
  return usable_keys(facts, {"other-bytes", "other-hash", "other-dtype", "layouts", "layouts-reversed"});
}

namespace {

/// A set of one entry whose bytes lie at `memory`.
bool put_at(Session& session, Set& set, const TensorInfo& info, const unsigned char* memory, rlx_hash128 hash = {}) {
  rlx_put_in in = sized<rlx_put_in>();
  in.index = info.set_index;
  in.dtype = info.dtype;
  in.rank = static_cast<std::uint32_t>(info.dims.size());
  in.dims = info.dims.data();
  in.host = memory;
  in.bytes = info.bytes;
  in.hash = hash;
  session.run().phase("params.put");
  return session.run().status("params.put", session.tables().params->put(set.get(), &in, nullptr, nullptr), RLX_STATUS_OK);
}

/// Runs on the set and compares with the bytes that it was made of.
bool right_on(Session& session, Weighted& model, Set& set, const unsigned char* memory, const std::string& what) {
  Run& run = session.run();
  const Weights weights = {std::string(reinterpret_cast<const char*>(memory), model.info().params[0].bytes)};
  model.model().fill(run.seed());
  rlx_execute_in in = model.model().execute_in();
  in.params = set.get();
  run.phase("execute");
  if (!run.status(what, session.tables().execute->execute(model.model().context(), &in, nullptr, nullptr), RLX_STATUS_OK)) return false;
  const auto wanted = weighted_result(model.info(), model.model().input_memory(0).data(), weights, model.transposed);
  const std::size_t at = first_wrong(wanted, model.model().output_memory(0).data(), model.info().outputs[0].dtype);
  return run.expect(at == wanted.size(), what + " is right", "element " + number(at) + " is wrong");
}

/// New bytes at the address of the old ones, once their set is gone.
void other_bytes(Session& session, bool hashed) {
  Run& run = session.run();
  const auto model = Weighted::open(session, {"wgt/kn"});
  if (!model) return;
  const TensorInfo& info = model->info().params[0];
  Guarded memory(info.bytes, 8);
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::string bytes = random_weights(model->info(), run.seed() + round)[0];
    memcpy(memory.data(), bytes.data(), bytes.size());
    Set set(session);
    const rlx_hash128 hash = hashed ? rlx_hash128{hash_text(bytes, 1), hash_text(bytes, 2)} : rlx_hash128{};
    if (!set.create(1) || !put_at(session, set, info, memory.data(), hash) || !set.seal() || !set.prepare(model->executable())) return;
    if (!right_on(session, *model, set, memory.data(), "a run on bytes that came to the address of others")) return;
  }
}

/// One address is the entry of two sets at once, of two dtypes: each is packed for itself.
void other_dtype(Session& session) {
  Run& run = session.run();
  const auto wide = Weighted::open(session, {"wgt/f64"});
  const auto narrow = wide ? Weighted::open(session, {"wgt/kn"}) : nullptr;
  if (!narrow) return;
  Guarded memory(wide->info().params[0].bytes, 8);
  const std::string bytes = random_weights(wide->info(), run.seed())[0];
  memcpy(memory.data(), bytes.data(), bytes.size());
  Set first(session), second(session);
  if (!first.create(1) || !put_at(session, first, narrow->info().params[0], memory.data()) || !first.seal() || !first.prepare(narrow->executable())) return;
  if (!second.create(1) || !put_at(session, second, wide->info().params[0], memory.data()) || !second.seal() || !second.prepare(wide->executable())) return;
  right_on(session, *narrow, first, memory.data(), "a run in f32");
  right_on(session, *wide, second, memory.data(), "a run in f64 on an entry at the same address");
}

/// One entry, taken as it stands and transposed by two executables.
void two_layouts(Session& session, bool reversed) {
  Run& run = session.run();
  auto first = Weighted::open(session, {reversed ? "wgt/nk" : "wgt/kn"});
  auto second = first ? Weighted::open(session, {reversed ? "wgt/kn" : "wgt/nk"}) : nullptr;
  if (!second) return;
  (reversed ? first : second)->transposed = true;
  Version version(session, first->info(), random_weights(first->info(), run.seed()));
  if (!version.fill()) return;
  if (!version.set().prepare(first->executable()) || !first->right(version, 1, "a run of the first layout")) return;
  if (!version.set().prepare(second->executable()) || !second->right(version, 2, "a run of the second layout")) return;
  first->right(version, 3, "a run of the first layout after the second was prepared");
}

}  // namespace

void wgt_pack_keys(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  if (run.key() == "other-dtype") return other_dtype(*session);
  if (run.key().starts_with("layouts")) return two_layouts(*session, run.key() == "layouts-reversed");
  other_bytes(*session, run.key() == "other-hash");
}

// ---- WGT-08

std::vector<std::string> wgt_table_cases(const Facts& facts, Profile profile) {
  return usable_keys(facts, {profile == Profile::kQuick ? "256" : "1024"});
}

namespace {

/// A file in memory, as large as asked for, of which only what is touched takes room.
class SparseFile {
 public:
  explicit SparseFile(std::uint64_t bytes) : bytes_(bytes), file_(memfd_create("table", MFD_CLOEXEC)) {
    if (file_ < 0 || ftruncate(file_, static_cast<off_t>(bytes))) return;
    void* map = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file_, 0);
    if (map == MAP_FAILED) return;
    madvise(map, bytes, MADV_NOHUGEPAGE);
    map_ = map;
  }
  ~SparseFile() {
    if (map_) munmap(map_, bytes_);
    if (file_ >= 0) close(file_);
  }
  SparseFile(const SparseFile&) = delete;
  SparseFile& operator=(const SparseFile&) = delete;
  const unsigned char* data() const { return static_cast<const unsigned char*>(map_); }
  bool write(std::uint64_t offset, const std::string& bytes) const {
    return pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size());
  }
  std::uint64_t resident() const {
    struct stat now {};
    return fstat(file_, &now) ? 0 : static_cast<std::uint64_t>(now.st_blocks) * 512;
  }

 private:
  std::uint64_t bytes_;
  int file_;
  void* map_ = nullptr;
};

}  // namespace

void wgt_table(Run& run) {
  if (!(run.facts().device_flags & RLX_DEVICE_FLAG_HOST_MEMORY)) return run.unsupported("the device does not read the host's memory");
  const auto session = Session::open(run);
  if (!session) return;
  const auto model = Weighted::open(*session, {"wgt/table_" + run.key()});
  if (!model) return;
  const TensorInfo& info = model->info().params[0];
  const SparseFile file(info.bytes);
  if (!file.data()) return run.skip("no file in memory of " + number(info.bytes) + " bytes can be mapped");
  constexpr std::uint64_t kRowBytes = 4096;
  std::int64_t indices[8];
  Random random(run.seed());
  for (std::int64_t& index : indices) {
    index = static_cast<std::int64_t>(random.below(info.bytes / kRowBytes));
    const std::string row(kRowBytes, static_cast<char>(1 + random.below(100)));
    if (!file.write(static_cast<std::uint64_t>(index) * kRowBytes, row)) return run.skip("the file in memory cannot be written");
  }
  const std::uint64_t before = file.resident(), own = resident_bytes();
  Set set(*session);
  if (!set.create(1) || !put_at(*session, set, info, file.data()) || !set.seal() || !set.prepare(model->executable())) return;
  Model& table = model->model();
  table.set_input(0, std::string(reinterpret_cast<const char*>(indices), sizeof indices));
  rlx_execute_in in = table.execute_in();
  in.params = set.get();
  run.phase("execute");
  if (!run.status("a gather of 8 rows", session->tables().execute->execute(table.context(), &in, nullptr, nullptr), RLX_STATUS_OK)) return;
  for (int i = 0; i < 8; ++i)
    run.same_bytes("row " + number(static_cast<std::uint64_t>(i)), table.output_memory(0).data() + i * kRowBytes,
                   file.data() + static_cast<std::uint64_t>(indices[i]) * kRowBytes, kRowBytes);
  const std::uint64_t touched = file.resident() - before;
  run.expect(touched <= 8 * kRowBytes, "no page of the table was touched but those of the rows", number(touched) + " bytes more are resident");
  const std::uint64_t grown = resident_bytes() > own ? resident_bytes() - own : 0;
  run.expect(grown <= info.bytes / 8, "the process grew by less than an eighth of the table", number(grown) + " bytes");
}

}  // namespace rlx::conform
