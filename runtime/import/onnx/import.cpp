// SPDX-License-Identifier: Apache-2.0
// The way of the data: bytes, messages, structure, values, nodes, outputs.
#include "runtime/import/onnx/import.h"

#include "runtime/import/mapped_file.h"
#include "runtime/import/onnx/graph_index.h"
#include "runtime/import/onnx/op_table.h"
#include "runtime/import/onnx/symbols.h"
#include "runtime/import/onnx/top_level.h"

namespace rlx::onnx_import {
namespace {

constexpr std::int64_t kOpsetLeast = 6, kOpsetMost = 24;

Result<std::shared_ptr<const onnx::ModelProto>> parse(std::span<const std::byte> bytes) {
  if (bytes.size() > static_cast<std::size_t>(INT32_MAX))
    return malformed(std::to_string(bytes.size()) +
                     " bytes, wanted at most 2 GiB; larger weights belong into external data");
  auto model = std::make_shared<onnx::ModelProto>();
  if (!model->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model->has_graph())
    return malformed(why_no_model(bytes));
  return std::shared_ptr<const onnx::ModelProto>(std::move(model));
}

Result<std::int64_t> opset_of(const onnx::ModelProto& model) {
  std::int64_t opset = 0;
  for (const auto& entry : model.opset_import())
    if (entry.domain().empty() || entry.domain() == "ai.onnx") opset = entry.version();
  if (model.opset_import_size() == 0) opset = 1;  // IR versions before 3
  if (opset == 0 && model.graph().node_size() == 0) return kOpsetMost;
  if (opset < kOpsetLeast || opset > kOpsetMost)
    return unsupported("opset " + std::to_string(opset) + ", wanted " + std::to_string(kOpsetLeast) + " to " +
                       std::to_string(kOpsetMost));
  return opset;
}

class Importer {
 public:
  Importer(std::shared_ptr<const onnx::ModelProto> model, const std::string& folder)
      : model_(std::move(model)),
        graph_(model_->graph()),
        external_(folder),
        builder_(graph_.name().empty() ? "model" : printable(graph_.name())) {}

  Result<Model> run() {
    const auto opset = opset_of(*model_);
    if (!opset) return opset.error();
    if (graph_.sparse_initializer_size()) return unsupported("sparse initialisers");
    auto index = index_graph(graph_);
    if (!index) return std::move(index).error();
    index_ = std::move(*index);
    if (Status status = define_initializers(); !status) return std::move(status).error();
    if (Status status = define_inputs(); !status) return std::move(status).error();
    Workshop shop{builder_, scope_, external_, model_, *opset, index_.read};
    for (const onnx::NodeProto* node : index_.order)
      if (Status status = translate(*node, shop); !status) return std::move(status).error();
    return finish();
  }

 private:
  Status define_initializers() {
    for (const auto& tensor : graph_.initializer()) {
      if (!index_.read.count(tensor.name())) continue;
      auto data = read_tensor(tensor, model_, external_);
      if (!data) return std::move(data).error();
      scope_.define(tensor.name(), std::move(*data), false);
    }
    return {};
  }

  Status define_inputs() {
    SymbolNames symbols(graph_);
    for (const auto& input : graph_.input()) {
      if (scope_.has(input.name())) continue;  // its initialiser is its value
      const std::string who = "input `" + printable(input.name()) + "`";
      if (!input.type().has_tensor_type()) return unsupported(who + " is no tensor");
      const int type = input.type().tensor_type().elem_type();
      const DType dtype = dtype_of(type).dtype;
      if (dtype == DType::kNone)
        return unsupported(who + " is of " + onnx_type_name(type) + ", wanted a plain number or bool");
      if (!input.type().tensor_type().has_shape()) return unsupported(who + " has no rank");
      auto dims = symbols.dims_of(input);
      if (!dims) return std::move(dims).error();
      scope_.define(input.name(), builder_.input(input.name(), dtype, std::move(*dims)));
      if (builder_.failed()) return builder_error(who);
    }
    return {};
  }

  /// The first error of the builder, whose numbers are ours already; `where` names the node.
  Error builder_error(const std::string& where) {
    auto done = builder_.finish();
    if (done) return Error(ErrorCode::kInternal, where + ": the builder failed without an error");
    return std::move(done.error()).within(where);
  }

  Status translate(const onnx::NodeProto& proto, Workshop& shop) {
    const OpRow& row = *find_op(proto.op_type());
    const std::string where = "node " + node_name(proto) + " (" + proto.op_type() + ")";
    Node node(proto, shop);
    if (node.inputs() < row.least || node.inputs() > row.most)
      node.fault(std::to_string(node.inputs()) + " operands, wanted " + std::to_string(row.least) +
                 (row.most == row.least ? ""
                  : row.most == kAny    ? " or more"
                                        : " to " + std::to_string(row.most)));
    for (std::size_t i = row.results; i < static_cast<std::size_t>(proto.output_size()); ++i)
      if (node.wants(i)) node.refuse("its result " + std::to_string(i) + " is read, which we do not make");
    if (!node.failed() && !(row.fold && row.fold(node)) && !node.failed()) row.translate(node);
    if (auto error = node.take_error()) return std::move(*error).within(where);
    if (builder_.failed()) return builder_error(where);
    for (std::size_t i = 0; i < static_cast<std::size_t>(proto.output_size()); ++i)
      if (node.wants(i) && !scope_.has(proto.output(static_cast<int>(i))))
        return malformed(where + ": there is no result " + std::to_string(i));
    return {};
  }

  Result<Model> finish() {
    for (const auto& output : graph_.output())
      builder_.set_output(output.name(), scope_.handle(output.name()));
    if (builder_.failed()) return builder_error("the outputs of the graph");
    auto model = builder_.finish(scope_.take_weights());
    if (!model) return std::move(model).error();
    if (!index_.unread_inputs.empty()) {
      std::string names;
      for (const std::string& name : index_.unread_inputs)
        names += (names.empty() ? "`" : ", `") + printable(name) + "`";
      model->set_warnings(
          {"no node that leads to an output reads " + names + "; what is given there changes nothing"});
    }
    return model;
  }

  std::shared_ptr<const onnx::ModelProto> model_;
  const onnx::GraphProto& graph_;
  ExternalData external_;
  ModelBuilder builder_;
  Scope scope_{builder_};
  GraphIndex index_;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<Model> import_bytes(std::span<const std::byte> bytes, const std::string& folder) {
  auto model = parse(bytes);
  if (!model) return std::move(model).error();
  return Importer(std::move(*model), folder).run();
}

Result<Model> import_file(const std::string& path) {
  auto model = [&]() -> Result<std::shared_ptr<const onnx::ModelProto>> {
    const auto file = import_detail::MappedFile::open(path);
    if (!file) return file.error();
    return parse((*file)->bytes());  // the mapping ends here: the messages hold what they need
  }();
  auto imported =
      model ? Importer(std::move(*model), folder_of(path)).run() : Result<Model>(std::move(model).error());
  if (!imported) return std::move(imported.error()).within("in `" + path + "`");
  return imported;
}

}  // namespace rlx::onnx_import
