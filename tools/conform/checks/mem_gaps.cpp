// SPDX-License-Identifier: Apache-2.0
// MEM-10: outputs whose rows lie apart. A plugin may take dense outputs alone; one that takes others writes elements and no gap.
#include <algorithm>
#include <cstring>

#include "tools/conform/checks/mem.h"

namespace rlx::conform {
namespace {

/// How far apart: elements of a row by a factor, rows by some more elements.
struct Apart {
  const char* name;
  std::int64_t step, gap;
};
constexpr Apart kAparts[] = {{"rows apart", 1, 3}, {"elements apart", 2, 1}};

/// An output of a lane in memory of its own, with gaps, flush against a forbidden page.
class Output {
 public:
  Output(const TensorInfo& tensor, const Apart& apart) : tensor_(tensor), size_(element_bytes(tensor.dtype)), strides_(tensor.dims.size()) {
    std::int64_t next = apart.step;
    for (std::size_t axis = strides_.size(); axis-- > 0;) {
      strides_[axis] = next;
      last_ += next * (tensor.dims[axis] - 1);
      next = next * tensor.dims[axis] + apart.gap;
    }
    memory_ = std::make_unique<Guarded>(tensor.bytes ? (static_cast<std::size_t>(last_) + 1) * size_ : 0, size_);
  }

  void bind(rlx_view& view) const {
    view.host = memory_->data();
    view.bytes = memory_->size();
    view.strides = strides_.data();
  }
  void fill(unsigned char byte) { memory_->fill(byte); }
  bool has_gaps() const { return tensor_.bytes && memory_->size() > tensor_.bytes; }

  /// The elements, dense; where `rest` is given it gets the bytes between them.
  std::string elements(std::string* rest = nullptr) const {
    const char* data = reinterpret_cast<const char*>(memory_->data());
    std::string out, between(data, memory_->size());
    std::vector<std::int64_t> at(strides_.size());
    for (std::uint64_t left = tensor_.bytes / size_; left; --left) {
      std::int64_t offset = 0;
      for (std::size_t axis = 0; axis < at.size(); ++axis) offset += at[axis] * strides_[axis];
      const std::size_t byte = static_cast<std::size_t>(offset) * size_;
      out.append(data + byte, size_);
      std::memset(between.data() + byte, 0, size_);
      for (std::size_t axis = at.size(); axis-- > 0 && ++at[axis] == tensor_.dims[axis];) at[axis] = 0;
    }
    if (rest) *rest = std::move(between);
    return out;
  }

 private:
  const TensorInfo& tensor_;
  std::size_t size_;
  std::vector<std::int64_t> strides_;
  std::int64_t last_ = 0;
  std::unique_ptr<Guarded> memory_;
};

/// Every output apart. False where the plugin wants dense ones, or all are.
bool run_apart(Run& run, Scene& scene, Lane& lane, const Apart& apart) {
  std::vector<Output> outputs;
  for (const TensorInfo& tensor : scene.model->info().outputs) outputs.emplace_back(tensor, apart);
  if (std::none_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.has_gaps(); })) return false;
  const std::string wanted = lane.outputs();
  const std::vector<rlx_view> dense = lane.output_views();
  bool taken = true;
  for (const unsigned char byte : {0x3C, 0xFF}) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].has_gaps()) continue;
      outputs[i].fill(byte);
      outputs[i].bind(lane.output_views()[i]);
    }
    const std::int32_t status = lane.execute();
    taken = status != RLX_STATUS_INVALID_ARGUMENT;
    if (!taken || !run.status(std::string("execute with outputs whose ") + apart.name, status, RLX_STATUS_OK, lane.message().c_str())) break;
    std::string bits;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].has_gaps()) {
        bits += lane.output(i);
        continue;
      }
      std::string now, before;
      bits += outputs[i].elements(&now);
      outputs[i].fill(byte);
      outputs[i].elements(&before);
      same_bits(run, "gaps of output " + number(i) + ", " + apart.name, now, before);
    }
    if (!same_bits(run, std::string("results with ") + apart.name, bits, wanted)) break;
  }
  lane.output_views() = dense;
  return taken;
}

}  // namespace

void gaps_of_outputs(Run& run) {
  const auto scene = open_scene(run, run.key());
  if (!scene) return;
  Lane lane(*scene->session, *scene->model);
  if (!lane.open() || !lane.run()) return;
  bool taken = false;
  for (const Apart& apart : kAparts) taken = run_apart(run, *scene, lane, apart) || taken;
  if (!taken) run.unsupported("the plugin takes dense outputs alone");
}

}  // namespace rlx::conform
