// SPDX-License-Identifier: Apache-2.0
// OPT: options, and what is no option but acts like one: the environment.
#include <cstdlib>

#include "tools/conform/checks/groups.h"
#include "tools/conform/worker/slots.h"
#include "tools/conform/worker/watch.h"

namespace rlx::conform {
namespace {

std::vector<std::string> option_cases(const Facts& facts, Profile) {
  std::vector<std::string> keys;
  if (!facts.usable()) return keys;
  keys.push_back("unknown");
  keys.push_back("default");
  for (std::size_t i = 0; i < facts.options.size(); ++i) keys.push_back("option" + std::to_string(i));
  return keys;
}

std::vector<std::string> one_device_case(const Facts& facts, Profile) {
  return facts.usable() ? std::vector<std::string>{"all"} : std::vector<std::string>{};
}

/// The status of the call in whose scope the option lies, with just this option.
std::int32_t call_with(Bench& bench, std::uint32_t scope, const rlx_option& option, Roomy<rlx_error>* error) {
  const Tables& tables = bench.tables();
  *error = roomy<rlx_error>();
  if (scope == 0) {
    rlx_open_in in = sized<rlx_open_in>();
    in.options = &option, in.option_count = 1, in.option_stride = sizeof option, in.abi_minor = RLX_ABI_MINOR;
    auto out = roomy<rlx_open_out>();
    const std::int32_t status = tables.plugin->open(&in, &out, error);
    if (status == RLX_STATUS_OK) tables.plugin->close(out.plugin);
    return status;
  }
  if (scope == 1) {
    rlx_device_open_in in = sized<rlx_device_open_in>();
    in.options = &option, in.option_count = 1, in.option_stride = sizeof option;
    auto out = roomy<rlx_device_open_out>();
    const std::int32_t status = tables.device->open(bench.session->instance(), &in, &out, error);
    if (status == RLX_STATUS_OK) tables.device->close(out.device);
    return status;
  }
  rlx_compile_in in;
  slot_driver("rlx.compile/1.compile_lir")->ready(bench, &in);
  in.options = &option, in.option_count = 1, in.option_stride = sizeof option;
  auto out = roomy<rlx_compile_out>();
  const std::int32_t status = tables.compile->compile_lir(bench.session->device(), &in, &out, error);
  if (status == RLX_STATUS_OK) tables.compile->executable_destroy(out.executable);
  return status;
}

void refuse(Run& run, Bench& bench, std::uint32_t scope, const std::string& key, const std::string& value, const std::string& what) {
  const rlx_option option = {{key.data(), key.size()}, {value.data(), value.size()}};
  Roomy<rlx_error> error;
  run.phase(what.c_str());
  run.status(what, call_with(bench, scope, option, &error), RLX_STATUS_INVALID_ARGUMENT, error.message);
  run.expect(key.empty() || std::string(error.message).find(key) != std::string::npos, what + ": the message holds the key `" + key + "`", error.message);
}

void opt_default(Run& run);

void opt_values(Run& run) {
  if (run.key() == "default") return opt_default(run);
  const auto bench = Bench::open(run);
  if (!bench) return;
  if (run.key() == "unknown") {
    for (std::uint32_t scope = 0; scope < 3; ++scope) {
      refuse(run, *bench, scope, "no_such_option", "1", text("an unknown option of scope %u", scope));
      refuse(run, *bench, scope, "", "1", text("an option without a key of scope %u", scope));
    }
    return;
  }
  const std::size_t index = std::strtoul(run.key().c_str() + 6, nullptr, 10);
  const OptionFact& fact = run.facts().options[index];
  run.expect(fact.scope <= 2, "the option `" + fact.key + "` has a scope of the contract", number(fact.scope));
  const bool known = fact.type == "bool" || fact.type == "int" || fact.type == "float" || fact.type == "string" || fact.type == "enum";
  run.expect(known, "the option `" + fact.key + "` has a type of the contract", fact.type);
  const rlx_option usual = {{fact.key.data(), fact.key.size()}, {fact.value.data(), fact.value.size()}};
  Roomy<rlx_error> error;
  run.phase("an option at its default");
  run.status("the option `" + fact.key + "` at its default", call_with(*bench, fact.scope, usual, &error), RLX_STATUS_OK, error.message);
  if (fact.type == "string") return;
  for (const char* value : {"no such value", "1e", "0x", "--1", "\x01"})
    refuse(run, *bench, fact.scope, fact.key, value, "`" + fact.key + "` set to `" + value + "`");
}

void opt_default(Run& run) {
  const auto bench = Bench::open(run);
  if (!bench || !bench->model->run(4)) return;
  const std::string right = bench->model->outputs();
  for (const OptionFact& fact : run.facts().options) {
    if (fact.scope != 2 || fact.value.empty()) continue;
    const rlx_option option = {{fact.key.data(), fact.key.size()}, {fact.value.data(), fact.value.size()}};
    rlx_compile_in in;
    slot_driver("rlx.compile/1.compile_lir")->ready(*bench, &in);
    in.options = &option, in.option_count = 1, in.option_stride = sizeof option;
    auto out = roomy<rlx_compile_out>();
    run.phase(("compile with " + fact.key).c_str());
    if (!run.status("compile_lir with `" + fact.key + "` at its default", bench->tables().compile->compile_lir(bench->session->device(), &in, &out, nullptr), RLX_STATUS_OK)) continue;
    rlx_prepare_in prepare = sized<rlx_prepare_in>();
    prepare.executable = out.executable;
    auto prepared = roomy<rlx_prepare_out>();
    if (bench->model->set()) run.status("prepare", bench->tables().params->prepare(bench->model->set(), &prepare, &prepared, nullptr), RLX_STATUS_OK);
    rlx_context_create_in create;
    slot_driver("rlx.execute/1.context_create")->ready(*bench, &create);
    auto created = roomy<rlx_context_create_out>();
    if (run.status("context_create", bench->tables().execute->context_create(out.executable, &create, &created, nullptr), RLX_STATUS_OK)) {
      bench->model->fill(4);
      const rlx_execute_in run_in = bench->model->execute_in();
      run.status("execute", bench->tables().execute->execute(created.context, &run_in, nullptr, nullptr), RLX_STATUS_OK);
      run.same_bytes("results with `" + fact.key + "` at its default", bench->model->outputs().data(), right.data(), right.size());
      bench->tables().execute->context_destroy(created.context);
    }
    bench->tables().compile->executable_destroy(out.executable);
  }
  run.expect(bench->model->run(4), "the model still runs", "it does not");
}

/// Every variable that the plugin asks for, set to what might switch something: no bit may change.
void opt_environment(Run& run) {
  if (!calls_are_watched()) return run.skip("getenv is not watched under a sanitizer");
  watch_getenv(true);
  std::string right;
  {
    const auto session = Session::open(run);
    if (!session) return;
    auto model = runnable(*session, {"param_f32", "two_steps_f32", "add_f32", "copy_f32"});
    if (!model || !model->all(6)) return;
    right = model->outputs();
  }
  const std::vector<std::string> names = getenv_names();
  watch_getenv(false);
  for (const std::string& name : names)
    for (const char* value : {"1", "0", "fast"}) {
      setenv(name.c_str(), value, 1);
      const auto session = Session::open(run);
      if (!session) return;
      auto model = runnable(*session, {"param_f32", "two_steps_f32", "add_f32", "copy_f32"});
      if (!model || !model->all(6)) return;
      run.same_bytes("results with " + name + "=" + value, model->outputs().data(), right.data(), right.size());
      unsetenv(name.c_str());
    }
  run.expect(true, "", "");
}

constexpr Check kChecks[] = {
    {"OPT-01", 2, "Each option takes its default, which changes no result, and refuses what is no value of it, as unknown options are refused, with the key.", 10, option_cases, opt_values},
    {"OPT-02", 2, "No environment variable that the plugin asks for changes a result.", 4, one_device_case, opt_environment},
};

}  // namespace

std::span<const Check> opt_checks() { return kChecks; }

}  // namespace rlx::conform
