// SPDX-License-Identifier: Apache-2.0
// ABI-11: arrays whose rows lie apart, of every field of the contract that is a stride.
#include <rlx/ext/artifact.h>
#include <rlx/ext/draft/packs.h>
#include <rlx/ext/profile.h>

#include <algorithm>
#include <optional>

#include "tools/conform/checks/abi.h"
#include "tools/conform/worker/slots.h"

namespace rlx::conform {

namespace {

constexpr std::size_t kGap = 24;
constexpr unsigned char kGarbage = 0x93;

/// Rows with garbage between them; the stride is sizeof(Row) + kGap.
template <class Row>
class Spread {
 public:
  Spread(const Row* rows, std::size_t count) : count_(count), memory_(count * stride(), alignof(Row)) {
    memory_.fill(kGarbage);
    for (std::size_t i = 0; i < count; ++i) memcpy(static_cast<void*>(memory_.data() + i * stride()), rows + i, sizeof(Row));
  }
  static constexpr std::uint32_t stride() { return sizeof(Row) + kGap; }
  Row* rows() { return reinterpret_cast<Row*>(memory_.data()); }
  const Row& row(std::size_t i) const { return *reinterpret_cast<const Row*>(memory_.data() + i * stride()); }
  bool gaps_intact() const {
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t k = sizeof(Row); k < stride(); ++k)
        if (memory_.data()[i * stride() + k] != kGarbage) return false;
    return true;
  }

 private:
  std::size_t count_;
  Guarded memory_;
};

/// The defaults of every option of a scope, as a caller would set them.
std::vector<rlx_option> defaults(const Facts& facts, std::uint32_t scope) {
  std::vector<rlx_option> out;
  for (const OptionFact& fact : facts.options)
    if (fact.scope == scope && !fact.value.empty())
      out.push_back({{fact.key.data(), fact.key.size()}, {fact.value.data(), fact.value.size()}});
  return out;
}

/// A call with the options of its scope spread out.
template <class In>
void options_of(Bench& bench, const char* slot, std::uint32_t scope) {
  Run& run = bench.run();
  const std::vector<rlx_option> rows = defaults(run.facts(), scope);
  if (rows.empty()) return run.unsupported("the plugin has no option of this scope");
  const SlotDriver* driver = slot_driver(slot);
  const StructRow* out_row = struct_row(slot_row(slot)->out);
  std::vector<std::uint64_t> in(sizeof(In) / 8 + 1), out(out_row->size / 8 + 1);
  if (!driver->ready(bench, in.data())) return run.unsupported("this plugin gives nothing to call it with");
  Spread<rlx_option> spread(rows.data(), rows.size());
  auto& typed = *reinterpret_cast<In*>(in.data());
  typed.options = spread.rows();
  typed.option_count = static_cast<std::uint32_t>(rows.size());
  typed.option_stride = Spread<rlx_option>::stride();
  memcpy(out.data(), &out_row->size, 4);
  auto error = roomy<rlx_error>();
  run.phase(slot);
  const std::int32_t status = driver->call(bench, in.data(), out.data(), &error);
  run.status(std::string(slot) + " with its default options, spread out", status, RLX_STATUS_OK, error.message);
  driver->done(bench, status == RLX_STATUS_OK ? out.data() : nullptr);
  run.expect(spread.gaps_intact(), "the gaps are untouched", "they are written");
}

void spread_verdicts(Bench& bench) {
  Run& run = bench.run();
  rlx_query_support_in in;
  slot_driver("rlx.compile/1.query_support")->ready(bench, &in);
  auto out = roomy<rlx_query_support_out>();
  const auto query = [&] { return bench.tables().compile->query_support(bench.session->device(), &in, &out, nullptr); };
  run.phase("query_support");
  run.status("query_support", query(), RLX_STATUS_OK);
  const std::vector<rlx_verdict> right = bench.verdicts;
  std::vector<rlx_verdict> empty(right.size());
  Spread<rlx_verdict> spread(empty.data(), empty.size());
  in.verdicts = spread.rows();
  in.verdict_stride = Spread<rlx_verdict>::stride();
  run.status("query_support with verdicts spread out", query(), RLX_STATUS_OK);
  for (std::size_t i = 0; i < right.size(); ++i)
    run.expect(spread.row(i).verdict == right[i].verdict && !memcmp(spread.row(i).reason, right[i].reason, sizeof right[i].reason),
               text("verdict %zu lies at its stride", i), "another verdict");
  run.expect(spread.gaps_intact(), "gaps between verdicts are untouched", "they are written");
}

void spread_views(Bench& bench) {
  Run& run = bench.run();
  Model& model = *bench.model;
  if (!model.run(6)) return;
  const std::string right = model.outputs();
  model.fill(6);
  rlx_execute_in in = model.execute_in();
  Spread<rlx_view> inputs(in.inputs, in.input_count), outputs(in.outputs, in.output_count);
  in.inputs = inputs.rows();
  in.outputs = outputs.rows();
  in.input_stride = in.output_stride = Spread<rlx_view>::stride();
  auto error = roomy<rlx_error>();
  run.phase("execute");
  run.status("execute with views spread out", bench.tables().execute->execute(model.context(), &in, nullptr, &error), RLX_STATUS_OK, error.message);
  run.same_bytes("outputs", model.outputs().data(), right.data(), right.size());
}

void spread_arenas(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"two_steps_f32", "param_f32", "add_f32", "copy_f32"});
  if (!model || !model->all(6)) return;
  const std::string right = model->outputs();
  if (model->arenas().empty()) return run.unsupported("the executable wants no arena");
  Spread<rlx_arena> spread(model->arenas().data(), model->arenas().size());
  rlx_context_create_in in = sized<rlx_context_create_in>();
  in.arenas = spread.rows();
  in.arena_count = static_cast<std::uint32_t>(model->arenas().size());
  in.arena_stride = Spread<rlx_arena>::stride();
  auto out = roomy<rlx_context_create_out>();
  run.phase("context_create");
  if (!run.status("context_create with arenas spread out", session->tables().execute->context_create(model->executable(), &in, &out, nullptr), RLX_STATUS_OK)) return;
  model->fill(6);
  const rlx_execute_in run_in = model->execute_in();
  run.phase("execute");
  run.status("execute in that context", session->tables().execute->execute(out.context, &run_in, nullptr, nullptr), RLX_STATUS_OK);
  run.same_bytes("outputs", model->outputs().data(), right.data(), right.size());
  run.phase("context_destroy");
  session->tables().execute->context_destroy(out.context);
}

// ---- Rows of the plugin's own

/// Rows that an out-struct hands over: as long as the first version's at least.
void expect_rows(Run& run, const char* what, const void* rows, std::uint64_t count, std::uint32_t stride, std::size_t least) {
  if (!count) return run.unsupported(std::string("there are no ") + what);
  run.expect(rows != nullptr, std::string(what) + " lie somewhere", "null");
  run.expect(stride >= least && stride % 8 == 0, text("%s are %zu bytes apart at least, in steps of 8", what, least), number(stride));
}

void rows_of_options(Bench& bench) {
  if (!bench.tables().plugin->describe_options) return bench.run().unsupported("the plugin has no describe_options");
  auto out = roomy<rlx_describe_options_out>();
  bench.run().phase("describe_options");
  bench.run().status("describe_options", bench.tables().plugin->describe_options(bench.session->instance(), nullptr, &out, nullptr), RLX_STATUS_OK);
  expect_rows(bench.run(), "options", out.rows, out.count, out.stride, sizeof(rlx_option_info));
}

void rows_of_claims(Bench& bench) {
  auto out = roomy<rlx_claims_out>();
  bench.run().phase("claims");
  bench.run().status("claims", bench.tables().compile->claims(bench.session->device(), nullptr, &out, nullptr), RLX_STATUS_OK);
  expect_rows(bench.run(), "claims", out.rows, out.count, out.stride, sizeof(rlx_claim));
}

void rows_of_arenas(Bench& bench) {
  auto out = roomy<rlx_executable_info_out>();
  bench.run().phase("executable_info");
  bench.run().status("executable_info", bench.tables().compile->executable_info(bench.model->executable(), nullptr, &out, nullptr), RLX_STATUS_OK);
  expect_rows(bench.run(), "arenas", out.arenas, out.arena_count, out.arena_stride, sizeof(rlx_arena_info));
}

// ---- rlx.profile/1

void spread_slices(Bench& bench) {
  Run& run = bench.run();
  const SlotDriver* driver = slot_driver("rlx.profile/1.execute");
  rlx_profile_execute_in in;
  if (!driver->ready(bench, &in)) return run.unsupported("this plugin gives nothing to call it with");
  auto out = roomy<rlx_profile_execute_out>();
  run.phase("profile.execute without room");
  in.stride = sizeof(rlx_profile_slice);
  if (!run.status("profile.execute without room for slices", driver->call(bench, &in, &out, nullptr), RLX_STATUS_OK)) return;
  if (!out.count) return run.unsupported("a run has no slices");
  const auto room = static_cast<std::uint32_t>(out.count) + 8;  // another run may have some more
  const std::vector<rlx_profile_slice> unwritten(room, {UINT64_MAX, 0, 1, 1});
  Spread<rlx_profile_slice> spread(unwritten.data(), room);
  driver->ready(bench, &in);
  in.slices = spread.rows();
  in.capacity = room - 1;
  in.stride = Spread<rlx_profile_slice>::stride();
  run.phase("profile.execute with slices spread out");
  if (!run.status("profile.execute with slices spread out", driver->call(bench, &in, &out, nullptr), RLX_STATUS_OK)) return;
  const std::uint64_t written = std::min<std::uint64_t>(out.count, in.capacity);
  for (std::uint64_t i = 0; i < written; ++i) {
    const rlx_profile_slice& slice = spread.row(i);
    run.expect(slice.begin_ns <= slice.end_ns && (slice.op_index < bench.model->info().ops || slice.op_index == RLX_NO_INDEX),
               text("slice %llu lies at its stride, ends after it begins, and is of an op of the image", static_cast<unsigned long long>(i)),
               text("%llu to %llu of op %u", static_cast<unsigned long long>(slice.begin_ns), static_cast<unsigned long long>(slice.end_ns), slice.op_index));
    if (i)
      run.expect(slice.thread > spread.row(i - 1).thread || (slice.thread == spread.row(i - 1).thread && slice.begin_ns >= spread.row(i - 1).begin_ns),
                 "slices are in order of thread and time", text("slice %llu is not", static_cast<unsigned long long>(i)));
  }
  for (std::uint64_t i = written; i < room; ++i) run.expect(spread.row(i).begin_ns == UINT64_MAX, "what there is no slice for is not written", "it is");
  run.expect(spread.gaps_intact(), "gaps between slices are untouched", "they are written");
}

// ---- rlx.packs/1

/// A set of one weight with a hash, prepared for a product.
class PackedSet {
 public:
  PackedSet(Session& session, Model& model) : session_(session), model_(model) {
    rlx_params_create_in in = sized<rlx_params_create_in>();
    in.count = model.info().param_entries;
    auto out = roomy<rlx_params_create_out>();
    session.run().phase("params.create");
    if (session.run().status("params.create", table().create(session.device(), &in, &out, nullptr), RLX_STATUS_OK)) set_ = out.set;
  }
  ~PackedSet() {
    if (!set_) return;
    session_.run().phase("params.destroy");
    table().release(set_, model_.executable());
    table().destroy(set_);
  }
  PackedSet(const PackedSet&) = delete;
  PackedSet& operator=(const PackedSet&) = delete;

  rlx_param_set* get() const { return set_; }
  bool prepare() {
    const TensorInfo& weight = model_.info().params[0];
    rlx_put_in put = sized<rlx_put_in>();
    put.dtype = weight.dtype;
    put.rank = static_cast<std::uint32_t>(weight.dims.size());
    put.dims = weight.dims.data();
    put.host = model_.param_memory(0).data();
    put.bytes = weight.bytes;
    put.hash = {0x1234567, 0x7654321};
    rlx_prepare_in in = sized<rlx_prepare_in>();
    in.executable = model_.executable();
    auto out = roomy<rlx_prepare_out>();
    Run& run = session_.run();
    run.phase("put, seal and prepare");
    return run.status("params.put", table().put(set_, &put, nullptr, nullptr), RLX_STATUS_OK) &&
           run.status("params.seal", table().seal(set_, nullptr, nullptr, nullptr), RLX_STATUS_OK) &&
           run.status("params.prepare", table().prepare(set_, &in, &out, nullptr), RLX_STATUS_OK);
  }
  /// Rows that list writes into `rows`; how many there are.
  std::uint32_t list(rlx_pack* rows, std::uint32_t capacity, std::uint32_t stride) const {
    const auto* packs = static_cast<const rlx_packs_1*>(session_.tables().of(RLX_INTERFACE_PACKS_1));
    rlx_packs_list_in in = sized<rlx_packs_list_in>();
    in.executable = model_.executable();
    in.rows = rows;
    in.capacity = capacity;
    in.stride = stride;
    auto out = roomy<rlx_packs_list_out>();
    session_.run().phase("packs.list");
    session_.run().status(text("packs.list with rows %u bytes apart", stride), packs->list(set_, &in, &out, nullptr), RLX_STATUS_OK);
    return out.count;
  }

 private:
  const rlx_params_1& table() const { return *session_.tables().params; }
  Session& session_;
  Model& model_;
  rlx_param_set* set_ = nullptr;
};

bool same_pack(const rlx_pack& a, const rlx_pack& b) {
  return a.key.low == b.key.low && a.key.high == b.key.high && a.data == b.data && a.bytes == b.bytes && a.alignment == b.alignment;
}

void count_drop(void* user) { ++*static_cast<int*>(user); }

/// Whether a new set, to which `row` is offered behind one of no use, both `stride` apart, uses its bytes.
bool takes_offer(Session& session, Model& model, const rlx_pack& row, bool spread_out) {
  Run& run = session.run();
  const auto* packs = static_cast<const rlx_packs_1*>(session.tables().of(RLX_INTERFACE_PACKS_1));
  rlx_pack rows[2] = {row, row};
  rows[0].key = {row.key.low + 1, ~row.key.high};
  Spread<rlx_pack> spread(rows, 2);
  int drops = 0;
  bool used = false;
  {
    PackedSet set(session, model);
    if (!set.get()) return false;
    rlx_packs_offer_in in = sized<rlx_packs_offer_in>();
    in.count = 2;
    in.rows = spread_out ? spread.rows() : rows;
    in.stride = spread_out ? Spread<rlx_pack>::stride() : static_cast<std::uint32_t>(sizeof(rlx_pack));
    in.drop = count_drop;
    in.drop_user = &drops;
    run.phase("packs.offer");
    if (!run.status("packs.offer", packs->offer(set.get(), &in, nullptr, nullptr), RLX_STATUS_OK) || !set.prepare()) return false;
    rlx_pack seen{};
    set.list(&seen, 1, sizeof seen);
    used = seen.data == row.data;
  }
  run.equal("calls of drop of what was offered, when the set is gone", static_cast<std::uint64_t>(drops), 1);
  return used;
}

/// The first pack of a set, and its bytes in memory of the tool's; none where nothing is packed, or the case has failed.
std::optional<rlx_pack> listed(Session& session, Model& model, std::unique_ptr<Guarded>& kept) {
  Run& run = session.run();
  PackedSet set(session, model);
  if (!set.get() || !set.prepare()) return {};
  const std::uint32_t count = set.list(nullptr, 0, sizeof(rlx_pack));
  if (!count) return run.unsupported("a weight of a product is not packed"), std::nullopt;
  std::vector<rlx_pack> rows(count), empty(count);
  set.list(rows.data(), count, sizeof(rlx_pack));
  for (const rlx_pack& row : rows)
    run.expect(row.data && row.bytes && row.alignment && !(row.alignment & (row.alignment - 1)) && !(reinterpret_cast<std::uintptr_t>(row.data) % row.alignment),
               "a pack has bytes, which are aligned as it says", text("%llu bytes, alignment %u", static_cast<unsigned long long>(row.bytes), row.alignment));
  if (run.failed()) return {};
  Spread<rlx_pack> spread(empty.data(), count);
  run.equal("packs listed with rows spread out", set.list(spread.rows(), count, Spread<rlx_pack>::stride()), count);
  for (std::uint32_t i = 0; i < count; ++i) run.expect(same_pack(spread.row(i), rows[i]), text("pack %u lies at its stride", i), "another pack");
  run.expect(spread.gaps_intact(), "gaps between packs are untouched", "they are written");
  kept = std::make_unique<Guarded>(rows[0].bytes, 64);
  memcpy(kept->data(), rows[0].data, rows[0].bytes);
  rows[0].data = kept->data();
  return rows[0];
}

void spread_packs(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"busy/mix_param_dot"});
  if (!model || !model->all(1)) return;
  std::unique_ptr<Guarded> kept;
  const std::optional<rlx_pack> pack = listed(*session, *model, kept);
  if (!pack || run.key() == "packs.list") return;
  kept->read_only(true);
  const bool dense = takes_offer(*session, *model, *pack, false);
  if (!run.failed() && !dense) return run.unsupported("an offered pack is not taken");
  run.expect(takes_offer(*session, *model, *pack, true) == dense, "packs that are offered spread out are taken as those that lie side by side", "they are not");
}

// ---- The cases

using Spreads = void (*)(Bench& bench);
struct Stride {
  StrideCase shown;
  Spreads run;  ///< null: a session of its own
};
constexpr Stride kStrides[] = {
    {{"open.options", "rlx.plugin/1.open", "rlx_open_in", "option_stride"}, [](Bench& b) { options_of<rlx_open_in>(b, "rlx.plugin/1.open", 0); }},
    {{"device.options", "rlx.device/1.open", "rlx_device_open_in", "option_stride"}, [](Bench& b) { options_of<rlx_device_open_in>(b, "rlx.device/1.open", 1); }},
    {{"compile.options", "rlx.compile/1.compile_lir", "rlx_compile_in", "option_stride"},
     [](Bench& b) { options_of<rlx_compile_in>(b, "rlx.compile/1.compile_lir", 2); }},
    {{"query.options", "rlx.compile/1.query_support", "rlx_query_support_in", "option_stride"},
     [](Bench& b) { options_of<rlx_query_support_in>(b, "rlx.compile/1.query_support", 2); }},
    {{"import.options", "rlx.artifact/1.import_code", "rlx_artifact_import_in", "option_stride"},
     [](Bench& b) { options_of<rlx_artifact_import_in>(b, "rlx.artifact/1.import_code", 2); }},
    {{"verdicts", "rlx.compile/1.query_support", "rlx_query_support_in", "verdict_stride"}, spread_verdicts},
    {{"views", "rlx.execute/1.execute", "rlx_execute_in", "input_stride output_stride"}, spread_views},
    {{"arenas", "rlx.execute/1.context_create", "rlx_context_create_in", "arena_stride"}, nullptr},
    {{"slices", "rlx.profile/1.execute", "rlx_profile_execute_in", "stride"}, spread_slices},
    {{"packs.list", "rlx.packs/1.list", "rlx_packs_list_in", "stride"}, nullptr},
    {{"packs.offer", "rlx.packs/1.offer", "rlx_packs_offer_in", "stride"}, nullptr},
    {{"rows.options", "rlx.plugin/1.describe_options", "rlx_describe_options_out", "stride"}, rows_of_options},
    {{"rows.claims", "rlx.compile/1.claims", "rlx_claims_out", "stride"}, rows_of_claims},
    {{"rows.arenas", "rlx.compile/1.executable_info", "rlx_executable_info_out", "arena_stride"}, rows_of_arenas},
};

}  // namespace

std::vector<StrideCase> stride_table() {
  std::vector<StrideCase> out;
  for (const Stride& stride : kStrides) out.push_back(stride.shown);
  return out;
}

std::vector<std::string> stride_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  for (const Stride& stride : kStrides)
    if (facts.usable() && facts.has_slot(stride.shown.slot)) keys.emplace_back(stride.shown.key);
  return keys;
}

void abi_strides(Run& run) {
  if (run.key() == "arenas") return spread_arenas(run);
  if (run.key().starts_with("packs.")) return spread_packs(run);
  const auto bench = Bench::open(run);
  if (!bench) return;
  for (const Stride& stride : kStrides)
    if (run.key() == stride.shown.key) return stride.run(*bench);
}

}  // namespace rlx::conform
