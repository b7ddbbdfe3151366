// SPDX-License-Identifier: Apache-2.0
// The worker's half of a numeric case of several runs: all images are compiled, each gets a context, and the steps run one
// after the other. State of one name is one piece of memory, whoever reads it.
#include <fstream>
#include <iterator>
#include <map>

#include "tools/conform/worker/lane.h"
#include "tools/conform/worker/refusal.h"
#include "tools/conform/worker/survey.h"

namespace rlx::conform {
namespace {

bool read_file(const std::string& name, std::string& out) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return false;
  out.assign(std::istreambuf_iterator<char>(file), {});
  return true;
}

struct Compiled {
  std::unique_ptr<Model> model;
  std::unique_ptr<Lane> lane;
};

class Steps {
 public:
  explicit Steps(Session& session) : session_(session), run_(session.run()) {}

  bool compile() {
    std::string bytes;
    for (std::size_t i = 0; read_file("image" + number(i) + ".lir", bytes); ++i) {
      auto model = std::make_unique<Model>(session_, ImageBytes(bytes));
      if (!model->native()) return end_refused(run_, session_, *model), false;
      for (std::size_t p = 0; p < model->info().params.size(); ++p) {
        if (!run_.take_file("param" + number(model->info().params[p].set_index), bytes)) return false;
        model->set_param(p, bytes);
      }
      if (!model->compile() || !model->prepare()) return false;
      auto lane = std::make_unique<Lane>(session_, *model, Layout{Flush::kEnd, 0xC5, 0xBD, 0xA7});
      if (!lane->open()) return false;
      compiled_.push_back({std::move(model), std::move(lane)});
    }
    return true;
  }

  bool step(std::size_t step, std::size_t image) {
    if (image >= compiled_.size()) return run_.fault("no image for step " + number(step)), false;
    const ImageInfo& info = compiled_[image].model->info();
    Lane& lane = *compiled_[image].lane;
    for (std::size_t i = 0; i < info.inputs.size(); ++i) {
      std::string bytes;
      if (!run_.take_file("step" + number(step) + ".in" + number(i), bytes)) return false;
      if (!is_state(info, i)) {
        lane.input_memory(i).read_only(false);
        lane.set_input(i, bytes);
        lane.input_memory(i).read_only(true);
      } else if (const auto found = states_.find(info.inputs[i].name); found != states_.end()) {
        lane.share_input(i, found->second);
      } else {
        lane.set_input(i, bytes);
        states_[info.inputs[i].name] = lane.shared_input(i);
      }
    }
    for (std::size_t o = 0; o < info.outputs.size(); ++o)
      if (!is_state_output(info, o)) lane.output_memory(o).fill(0xBD);
    if (!run_.status("execute, step " + number(step), lane.execute(), RLX_STATUS_OK, lane.message().c_str()) || !lane.intact()) return false;
    for (std::size_t o = 0; o < info.outputs.size(); ++o) {
      if (!run_.leave_file("step" + number(step) + ".out" + number(o), lane.output(o))) return false;
    }
    return true;
  }

 private:
  static bool is_state(const ImageInfo& info, std::size_t input) {
    for (const rlx_lir_state& state : info.states)
      if (state.input == input) return true;
    return false;
  }
  static bool is_state_output(const ImageInfo& info, std::size_t output) {
    for (const rlx_lir_state& state : info.states)
      if (state.output == output) return true;
    return false;
  }

  Session& session_;
  Run& run_;
  std::vector<Compiled> compiled_;
  std::map<std::string, std::shared_ptr<Guarded>> states_;
};

}  // namespace

void compute_steps(Run& run) {
  const auto session = Session::open(run);
  if (!session) return;
  Steps steps(*session);
  if (!steps.compile()) return;
  std::ifstream lines("steps");
  std::size_t image = 0;
  for (std::size_t step = 0; lines >> image; ++step)
    if (!steps.step(step, image)) return;
}

}  // namespace rlx::conform
