// SPDX-License-Identifier: Apache-2.0
// ARG: what a caller may do wrong with arguments: nulls, strangers, counts, states, empty tensors. Views are in arg_views.cpp.
#include "tools/conform/checks/arg.h"

#include <cstring>
#include <functional>

#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/slots.h"

namespace rlx::conform {
namespace {

std::vector<std::string> slot_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  for (const SlotRow& row : slot_rows())
    if (row.fallible && facts.has_slot(slot_name(row))) keys.push_back(slot_name(row));
  keys.push_back("destroy");
  return keys;
}

std::vector<std::string> one_device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

/// A good call of one slot whose in-struct may be changed before.
class SlotCall {
 public:
  SlotCall(Bench& bench, const std::string& slot)
      : bench_(bench), row_(*slot_row(slot)), driver_(*slot_driver(slot)), in_row_(row_.in == "none" ? nullptr : struct_row(row_.in)),
        out_row_(row_.out == "none" ? nullptr : struct_row(row_.out)) {}
  /// False where the plugin gives nothing to call it with.
  bool ready() {
    in_.assign(in_row_ ? in_row_->size / 8 + 1 : 0, 0);
    out_.assign(out_row_ ? out_row_->size / 8 + 1 : 0, 0);
    if (out_row_) memcpy(out_.data(), &out_row_->size, 4);
    return driver_.ready(bench_, in());
  }
  unsigned char* in() { return in_row_ ? reinterpret_cast<unsigned char*>(in_.data()) : nullptr; }
  void* out() { return out_row_ ? out_.data() : nullptr; }
  const StructRow* in_row() const { return in_row_; }
  const StructRow* out_row() const { return out_row_; }
  std::int32_t call(const void* in, void* out, rlx_error* error) {
    const std::int32_t status = driver_.call(bench_, in, out, error);
    driver_.done(bench_, status == RLX_STATUS_OK && out ? out : nullptr);
    return status;
  }
  /// Where the call that all was made ready for is not made.
  void done() { driver_.done(bench_, nullptr); }

 private:
  Bench& bench_;
  const SlotRow& row_;
  const SlotDriver& driver_;
  const StructRow *in_row_, *out_row_;
  std::vector<std::uint64_t> in_, out_;
};

// ---- ARG-01

void null_destroys(Run& run, const Tables& tables) {
  run.phase("destroy(null)");
  tables.plugin->close(nullptr);
  tables.device->close(nullptr);
  tables.buffer->free(nullptr);
  tables.compile->executable_destroy(nullptr);
  tables.params->release(nullptr, nullptr);
  tables.params->destroy(nullptr);
  tables.execute->context_destroy(nullptr);
  run.expect(true, "destroying null does nothing", "");
}

void null_fields(Run& run, SlotCall& call) {
  for (const FieldRow& field : field_rows()) {
    if (!call.in_row() || field.owner != call.in_row()->name || (field.may_be_null != "never" && field.may_be_null != "always")) continue;
    if (!call.ready()) return;
    memset(call.in() + field.offset, 0, field.size);
    const bool never = field.may_be_null == "never";
    const std::string what = std::string(field.owner) + "." + std::string(field.name) + " null";
    run.phase(what.c_str());
    auto error = roomy<rlx_error>();
    const std::int32_t status = call.call(call.in(), call.out(), &error);
    // An image that is not there is a damaged one just as well.
    if (never && field.name == "image" && status == RLX_STATUS_INVALID_IMAGE) continue;
    run.status(what, status, never ? RLX_STATUS_INVALID_ARGUMENT : RLX_STATUS_OK, error.message);
  }
}

void arg_nulls(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  if (run.key() == "destroy") return null_destroys(run, bench->tables());
  SlotCall call(*bench, run.key());
  if (!call.ready()) return run.unsupported("this plugin gives nothing to call it with");
  run.phase("a null error record");
  if (!run.status("a good call with a null error record", call.call(call.in(), call.out(), nullptr), RLX_STATUS_OK)) return;
  auto error = roomy<rlx_error>();
  if (call.in_row() && call.ready()) {
    run.phase("a zeroed in-struct");
    const std::uint32_t size = call.in_row()->size;
    memset(call.in(), 0, size);
    memcpy(call.in(), &size, 4);
    const std::int32_t zeroed = call.call(call.in(), call.out(), &error);
    if (call.ready()) {
      run.phase("a null in-struct");
      run.status("a null in-struct, which stands for a zeroed one,", call.call(nullptr, call.out(), &error), zeroed, error.message);
    }
  }
  // The answer of prepare may be left out by a caller that has read no rule against it.
  if (call.out_row() && run.key() != "rlx.params/1.prepare" && call.ready()) {
    run.phase("a null out-struct");
    run.status("a null out-struct", call.call(call.in(), nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  }
  if (run.key() != "rlx.plugin/1.open" && call.ready()) {
    run.phase("a null object");
    for (rlx_error* const record : {static_cast<rlx_error*>(&error), static_cast<rlx_error*>(nullptr)}) {
      bench->null_object = true;
      const std::int32_t status = call.call(call.in(), call.out(), record);
      bench->null_object = false;
      run.status(record ? "a call on null" : "a call on null without an error record", status, RLX_STATUS_INVALID_ARGUMENT, error.message);
      if (!call.ready()) return;
    }
    call.done();
  }
  null_fields(run, call);
}

// ---- ARG-02

void strange_buffers(Run& run, Bench& here, Bench& there) {
  rlx_copy_in copy = sized<rlx_copy_in>();
  copy.source = there.other;
  copy.bytes = 8;
  auto error = roomy<rlx_error>();
  run.phase("buffer.copy");
  run.status("a copy from a buffer of another device", here.tables().buffer->copy(here.buffer, &copy, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  rlx_put_in put;
  const SlotDriver* driver = slot_driver("rlx.params/1.put");
  if (!driver->ready(here, &put)) return;
  put.host = nullptr;
  put.buffer = there.buffer;
  put.bytes = 60;
  run.phase("params.put");
  run.status("a put from a buffer of another device", driver->call(here, &put, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  driver->done(here, nullptr);
}

/// A buffer of the other device as a tensor of a run.
void strange_views(Run& run, Bench& here, Bench& there) {
  for (const bool input : {true, false}) {
    here.model->fill(1);
    std::vector<rlx_view> inputs = here.model->inputs(), outputs = here.model->output_views();
    rlx_view& view = (input ? inputs : outputs)[0];
    view.host = nullptr;
    view.buffer = there.buffer;  // 64 bytes: the tensor has room
    rlx_execute_in in = here.model->execute_in();
    in.inputs = inputs.data();
    in.outputs = outputs.data();
    auto error = roomy<rlx_error>();
    run.phase("execute");
    run.status(input ? "an input in a buffer of another device" : "an output in a buffer of another device",
               here.tables().execute->execute(here.model->context(), &in, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  }
}

void strange_sets(Run& run, Bench& here, Bench& there) {
  auto error = roomy<rlx_error>();
  const SlotDriver* usage = slot_driver("rlx.params/1.usage");
  if (!usage->ready(there, nullptr)) return;
  rlx_params_create_in create = sized<rlx_params_create_in>();
  create.count = 1;
  create.base = there.set;
  auto created = roomy<rlx_params_create_out>();
  run.phase("params.create");
  run.status("a set whose base is of another device", here.tables().params->create(here.session->device(), &create, &created, &error),
             RLX_STATUS_INVALID_ARGUMENT, error.message);
  rlx_prepare_in prepare = sized<rlx_prepare_in>();
  prepare.executable = here.model->executable();
  auto prepared = roomy<rlx_prepare_out>();
  run.phase("params.prepare");
  run.status("prepare for an executable of another device", here.tables().params->prepare(there.set, &prepare, &prepared, &error),
             RLX_STATUS_INVALID_ARGUMENT, error.message);
  usage->done(there, nullptr);
  if (!here.model->set()) return;
  here.model->fill(1);
  rlx_execute_in in = here.model->execute_in();
  in.params = there.model->set();
  run.phase("execute");
  run.status("a run with the set of another device", here.tables().execute->execute(here.model->context(), &in, nullptr, &error),
             RLX_STATUS_INVALID_ARGUMENT, error.message);
}

void arg_strangers(Run& run) {
  const auto here = Bench::open(run), there = here ? Bench::open(run) : nullptr;
  if (!there) return;
  strange_buffers(run, *here, *there);
  strange_views(run, *here, *there);
  strange_sets(run, *here, *there);
  run.phase("afterwards");
  run.expect(here->model->run(2) && there->model->run(2), "both devices still run", "one does not");
}

// ---- ARG-03

void refused(Run& run, const char* slot, Bench& bench, const char* what, const std::function<void(unsigned char*)>& change,
             std::int32_t wanted = RLX_STATUS_INVALID_ARGUMENT) {
  SlotCall call(bench, slot);
  if (!call.ready()) return;
  change(call.in());
  auto error = roomy<rlx_error>();
  run.phase(slot);
  run.status(what, call.call(call.in(), call.out(), &error), wanted, error.message);
}

template <class In>
std::function<void(unsigned char*)> on(const std::function<void(In&)>& change) {
  return [=](unsigned char* in) { change(*reinterpret_cast<In*>(in)); };
}

void twice_put(Run& run, Bench& bench) {
  const SlotDriver* put = slot_driver("rlx.params/1.put");
  rlx_put_in in;
  if (!put->ready(bench, &in)) return;
  auto error = roomy<rlx_error>();
  run.phase("params.put");
  const int before = bench.drops;
  run.status("the first put of an entry", put->call(bench, &in, nullptr, &error), RLX_STATUS_OK, error.message);
  in.index = 1;
  run.status("a put past the count", put->call(bench, &in, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  in.index = UINT32_MAX;
  run.status("a put at the greatest index", put->call(bench, &in, nullptr, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  put->done(bench, nullptr);
  run.equal("drops of one good and two refused puts", static_cast<std::uint64_t>(bench.drops - before), 3);
}

void arg_counts(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  for (const int step : {-1, 1}) {
    const auto shifted = [step](std::uint32_t count) { return static_cast<std::uint32_t>(static_cast<int>(count) + step); };
    refused(run, "rlx.execute/1.execute", *bench, step < 0 ? "an input too few" : "an input too many",
            on<rlx_execute_in>([=](rlx_execute_in& in) { in.input_count = shifted(in.input_count); }));
    refused(run, "rlx.execute/1.execute", *bench, step < 0 ? "an output too few" : "an output too many",
            on<rlx_execute_in>([=](rlx_execute_in& in) { in.output_count = shifted(in.output_count); }));
    if (step > 0 || !bench->model->arenas().empty())
      refused(run, "rlx.execute/1.context_create", *bench, step < 0 ? "an arena too few" : "an arena too many",
              on<rlx_context_create_in>([=](rlx_context_create_in& in) { in.arena_count = shifted(in.arena_count); }));
  }
  refused(run, "rlx.compile/1.query_support", *bench, "room for a verdict too few",
          on<rlx_query_support_in>([](rlx_query_support_in& in) { --in.verdict_count; }));
  const std::uint32_t devices = run.facts().device_count;
  refused(run, "rlx.device/1.open", *bench, "the ordinal after the last", on<rlx_device_open_in>([=](rlx_device_open_in& in) { in.ordinal = devices; }), RLX_STATUS_NOT_FOUND);
  refused(run, "rlx.plugin/1.device_info", *bench, "the ordinal after the last", on<rlx_device_info_in>([=](rlx_device_info_in& in) { in.ordinal = devices; }), RLX_STATUS_NOT_FOUND);
  refused(run, "rlx.params/1.put", *bench, "a byte too few for its dims", on<rlx_put_in>([](rlx_put_in& in) { --in.bytes; }));
  refused(run, "rlx.params/1.put", *bench, "a rank above the highest", on<rlx_put_in>([](rlx_put_in& in) { in.rank = RLX_MAX_RANK + 1; }));
  refused(run, "rlx.params/1.put", *bench, "an unknown dtype", on<rlx_put_in>([](rlx_put_in& in) { in.dtype = 900; }));
  twice_put(run, *bench);
  run.expect(bench->model->run(2), "the model still runs", "it does not");
}

// ---- ARG-05

void states_of_sets(Run& run, Bench& bench) {
  const SlotDriver *seal = slot_driver("rlx.params/1.seal"), *put = slot_driver("rlx.params/1.put");
  auto error = roomy<rlx_error>();
  rlx_prepare_in prepare = sized<rlx_prepare_in>();
  prepare.executable = bench.model->executable();
  auto prepared = roomy<rlx_prepare_out>();
  if (!seal->ready(bench, nullptr)) return;
  run.phase("params.prepare");
  run.status("prepare before seal", bench.tables().params->prepare(bench.set, &prepare, &prepared, &error), RLX_STATUS_FAILED_PRECONDITION, error.message);
  run.phase("params.create");
  rlx_params_create_in create = sized<rlx_params_create_in>();
  create.count = 1;
  create.base = bench.set;
  auto created = roomy<rlx_params_create_out>();
  run.status("a base that is not sealed", bench.tables().params->create(bench.session->device(), &create, &created, &error), RLX_STATUS_FAILED_PRECONDITION, error.message);
  run.phase("params.seal");
  run.status("seal", seal->call(bench, nullptr, nullptr, &error), RLX_STATUS_OK, error.message);
  rlx_param_set* const sealed = std::exchange(bench.set, nullptr);
  rlx_put_in in;
  if (!put->ready(bench, &in)) return;
  const int before = bench.drops;
  run.phase("params.put");
  run.status("put after seal", bench.tables().params->put(sealed, &in, nullptr, &error), RLX_STATUS_FAILED_PRECONDITION, error.message);
  run.equal("drops of a refused put", static_cast<std::uint64_t>(bench.drops - before), 1);
  put->done(bench, nullptr);
  if (bench.model->set()) {
    bench.model->fill(1);
    rlx_execute_in run_in = bench.model->execute_in();
    run_in.params = sealed;
    run.phase("execute");
    run.status("a run with a set that is not prepared", bench.tables().execute->execute(bench.model->context(), &run_in, nullptr, &error),
               RLX_STATUS_FAILED_PRECONDITION, error.message);
  }
  run.phase("params.destroy");
  bench.tables().params->destroy(sealed);
}

void missing_entries(Run& run, Bench& bench) {
  if (!bench.model->set()) return;
  rlx_params_create_in create = sized<rlx_params_create_in>();
  create.count = 1;
  auto created = roomy<rlx_params_create_out>();
  run.phase("params.create");
  if (!run.status("params.create", bench.tables().params->create(bench.session->device(), &create, &created, nullptr), RLX_STATUS_OK)) return;
  run.status("seal of an empty set", bench.tables().params->seal(created.set, nullptr, nullptr, nullptr), RLX_STATUS_OK);
  std::uint32_t missing[4] = {99, 99, 99, 99};
  rlx_prepare_in in = sized<rlx_prepare_in>();
  in.executable = bench.model->executable();
  in.missing = missing;
  in.missing_capacity = 4;
  auto out = roomy<rlx_prepare_out>();
  auto error = roomy<rlx_error>();
  run.phase("params.prepare");
  run.status("prepare of a set without its entry", bench.tables().params->prepare(created.set, &in, &out, &error), RLX_STATUS_NOT_FOUND, error.message);
  run.equal("missing_count", out.missing_count, 1);
  run.equal("the missing index", missing[0], 0);
  run.equal("what follows in the caller's list", missing[1], 99);
  run.phase("params.destroy");
  bench.tables().params->destroy(created.set);
}

void arg_states(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench) return;
  states_of_sets(run, *bench);
  missing_entries(run, *bench);
  run.expect(bench->model->run(2), "the model still runs", "it does not");
}

// ---- ARG-06

void arg_empty(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  auto model = runnable(*session, {"add_empty_f32", "copy_empty_f32"});
  if (!model || !model->all()) return;
  const bool null = model->inputs()[0].host == nullptr && model->output_views()[0].host == nullptr;
  run.expect(null, "tensors of 0 bytes were null", "they were not");
  if (run.facts().device_flags & RLX_DEVICE_FLAG_ALLOCATES_OUTPUTS) return;
  auto full = runnable(*session);
  if (!full || !full->all()) return;
  rlx_execute_in in = full->execute_in();
  std::vector<rlx_view> outputs = full->output_views();
  outputs[0].host = nullptr;
  in.outputs = outputs.data();
  auto error = roomy<rlx_error>();
  run.phase("execute");
  run.status("a null output where outputs are the caller's", session->tables().execute->execute(full->context(), &in, nullptr, &error),
             RLX_STATUS_INVALID_ARGUMENT, error.message);
}

constexpr Check kChecks[] = {
    {"ARG-01", 2, "Nulls are what the contract says of each: a null in-struct is a zeroed one, a null error record is always allowed, everything else is refused; destroying null does nothing.", 80, slot_cases, arg_nulls},
    {"ARG-02", 2, "Objects of another device or instance are refused.", 5, one_device_case, arg_strangers},
    {"ARG-03", 2, "Counts and indices that are off by one, and descriptions that contradict themselves, are refused.", 12, one_device_case, arg_counts},
    {"ARG-04", 2, "A view that does not fit is refused with the tensor's name, and nothing is written.", 30, view_cases, arg_views},
    {"ARG-05", 2, "Calls in the wrong state are FAILED_PRECONDITION, and missing params are listed.", 6, one_device_case, arg_states},
    {"ARG-06", 2, "Tensors of 0 bytes may be null; others may not.", 5, one_device_case, arg_empty},
};

}  // namespace

std::span<const Check> arg_checks() { return kChecks; }

}  // namespace rlx::conform
