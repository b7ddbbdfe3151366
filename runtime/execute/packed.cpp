// SPDX-License-Identifier: Apache-2.0
// run_packed: puts the rows of all sequences one after the other, runs once, and cuts the outputs apart.
#include <rlx/host/packed.hpp>

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/names.h"
#include "runtime/execute/manifest.h"
#include "runtime/execute/template_body.h"

namespace rlx {
namespace {

using Sequences = std::span<const std::vector<NamedView>>;

const NamedView* find(std::span<const NamedView> tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const NamedView& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

/// What packed form means for one template.
struct Form {
  const Value* offsets = nullptr;
  std::vector<const Value*> inputs;  ///< all but the offsets
  std::vector<bool> per_row;         ///< by output that a caller gets; else one row a sequence
  Dim sequences = 0;

  static Result<Form> of(const Template& from, std::string_view offsets) {
    const Graph& graph = *from.body()->graph;
    const auto bad = [&](const auto&... pieces) {
      return fail(ErrorCode::kInvalidArgument, "template `", from.name(), "` is not in packed form: ", pieces...);
    };
    Form form;
    for (const ValueId id : given_inputs(graph)) {
      const Value& value = graph.values[id];
      if (value.name == offsets) form.offsets = &value;
      else form.inputs.push_back(&value);
    }
    if (!form.offsets) return bad("no input `", offsets, "`");
    const Shape& at = form.offsets->shape;
    if (at.rank() != 1 || (at.dtype != DType::kI32 && at.dtype != DType::kI64))
      return bad("input `", offsets, "` is ", to_string(at), ", wanted i32 or i64 [N+1]");
    form.sequences = at.dims[0] - 1;
    for (const Value* input : form.inputs)
      if (input->shape.rank() == 0 || !(input->shape.dims[0] == form.inputs[0]->shape.dims[0]))
        return bad("input `", input->name, "` is ", to_string(input->shape), ", wanted rows along axis 0 as in `", form.inputs[0]->name, "`");
    if (form.inputs.empty()) return bad("no input but `", offsets, "`");
    RLX_TRY(form.read_outputs(graph, bad));
    return form;
  }

  template <class Bad>
  Status read_outputs(const Graph& graph, const Bad& bad) {
    if (!graph.states.empty()) return bad("it has states");
    for (const Output& output : graph.outputs) {
      const Shape& shape = graph.values[output.value].shape;
      const bool rows = shape.rank() > 0 && shape.dims[0] == inputs[0]->shape.dims[0];
      if (!rows && (shape.rank() == 0 || !(shape.dims[0] == sequences)))
        return bad("output `", output.name, "` is ", to_string(shape), ", wanted ", inputs[0]->shape.dims[0].to_string(), " rows or ",
                   sequences.to_string());
      per_row.push_back(rows);
    }
    return {};
  }
};

/// Rows of each sequence; every input of one has as many.
Result<std::vector<std::int64_t>> lengths_of(const Form& form, Sequences sequences) {
  std::vector<std::int64_t> lengths;
  std::vector<std::string> names;
  for (const Value* input : form.inputs) names.push_back(input->name);
  for (std::size_t n = 0; n < sequences.size(); ++n) {
    const std::vector<NamedView>& given = sequences[n];
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (std::find(names.begin(), names.end(), given[i].name) == names.end())
        return fail(ErrorCode::kUnknownName, "sequence ", n, ": no input `", given[i].name, "`; ", did_you_mean(given[i].name, names));
      if (find(std::span(given).first(i), given[i].name))
        return fail(ErrorCode::kDuplicateName, "sequence ", n, ": input `", given[i].name, "` is given twice");
    }
    for (const Value* input : form.inputs) {
      const NamedView* tensor = find(given, input->name);
      if (!tensor) return fail(ErrorCode::kMissingInput, "sequence ", n, ": input `", input->name, "` is not given");
      const TensorView& view = tensor->view;
      if (view.dtype != input->shape.dtype)
        return fail(ErrorCode::kWrongDtype, "sequence ", n, ": input `", input->name, "` is ", dtype_name(view.dtype), ", wanted ",
                    dtype_name(input->shape.dtype));
      std::uint64_t bytes = dtype_bytes(view.dtype);
      bool fits = view.dims.size() == input->shape.rank();
      for (const std::int64_t dim : view.dims)
        fits = fits && dim >= 0 && !__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes);
      if (!fits)
        return fail(ErrorCode::kWrongShape, "sequence ", n, ": input `", input->name, "` is ", dims_text(view.dims), ", wanted ",
                    to_string(input->shape.dims));
      if (bytes != view.bytes || (bytes && !view.data))
        return fail(ErrorCode::kWrongSize, "sequence ", n, ": input `", input->name, "` has ", view.data ? view.bytes : 0,
                    " bytes, wanted ", bytes);
      if (input == form.inputs[0]) lengths.push_back(view.dims[0]);
      if (view.dims[0] != lengths[n])
        return fail(ErrorCode::kSymbolConflict, "sequence ", n, ": input `", form.inputs[0]->name, "` has ", lengths[n], " rows, `",
                    input->name, "` has ", view.dims[0]);
    }
  }
  return lengths;
}

/// The rows of one input of all sequences. What lies behind axis 0 is the same in all of them.
Result<Tensor> packed_input(const Value& input, Sequences sequences, std::int64_t rows) {
  std::vector<std::int64_t> dims;
  if (!sequences.empty()) {
    dims = find(sequences[0], input.name)->view.dims;
  } else {
    for (const Dim& dim : input.shape.dims) {
      if (!dims.empty() && !dim.is_number())
        return fail(ErrorCode::kUnboundSymbol, "no sequences: nothing says what `", dim.to_string(), "` of input `", input.name, "` is");
      dims.push_back(dims.empty() ? 0 : dim.number());
    }
  }
  dims[0] = rows;
  for (std::size_t n = 1; n < sequences.size(); ++n) {
    const std::vector<std::int64_t>& own = find(sequences[n], input.name)->view.dims;
    if (!std::equal(own.begin() + 1, own.end(), dims.begin() + 1))
      return fail(ErrorCode::kWrongShape, "sequence ", n, ": input `", input.name, "` is ", dims_text(own), ", in sequence 0 it is ",
                  dims_text(find(sequences[0], input.name)->view.dims));
  }
  Tensor tensor(input.shape.dtype, dims);
  if (tensor.dtype() == DType::kNone) return fail(ErrorCode::kOutOfMemory, "the rows of input `", input.name, "`: ", dims_text(dims));
  auto* to = static_cast<std::byte*>(tensor.data());
  for (const std::vector<NamedView>& sequence : sequences) {
    const TensorView& view = find(sequence, input.name)->view;
    if (view.bytes) std::memcpy(to, view.data, view.bytes);
    to += view.bytes;
  }
  return tensor;
}

Result<Tensor> packed_offsets(DType dtype, const std::vector<std::int64_t>& lengths) {
  Tensor tensor(dtype, {static_cast<std::int64_t>(lengths.size()) + 1});
  std::int64_t at = 0;
  for (std::size_t n = 0;; ++n) {
    if (dtype == DType::kI32 && at > INT32_MAX)
      return fail(ErrorCode::kInvalidArgument, "the first ", n, " sequences have ", at, " rows: i32 offsets end at ", INT32_MAX);
    if (dtype == DType::kI64) tensor.i64()[n] = at;
    else static_cast<std::int32_t*>(tensor.data())[n] = static_cast<std::int32_t>(at);
    if (n == lengths.size()) return tensor;
    if (__builtin_add_overflow(at, lengths[n], &at)) return fail(ErrorCode::kInvalidArgument, "the sequences have more rows than 2^63");
  }
}

/// The size of the one symbol in `dim` that makes it `size`, where `dim` is a symbol plus a number.
Result<Binding> solved(const Dim& dim, std::int64_t size) {
  std::vector<std::string> symbols;
  dim.collect_symbols(symbols);
  Binding binding;
  if (symbols.size() != 1) return binding;
  RLX_ASSIGN(const std::int64_t rest, dim.evaluate({{symbols[0], 0}}));
  RLX_ASSIGN(const std::int64_t got, dim.evaluate({{symbols[0], size - rest}}));
  if (got == size) binding.emplace(symbols[0], size - rest);
  return binding;
}

/// Rows [first, first + count) of an output; without axis 0 where `row` says so.
NamedTensor cut(const NamedTensor& whole, std::int64_t first, std::int64_t count, bool row) {
  std::vector<std::int64_t> dims = whole.tensor.dims();
  const std::size_t row_bytes = dims[0] ? whole.tensor.bytes() / static_cast<std::size_t>(dims[0]) : 0;
  dims[0] = count;
  if (row) dims.erase(dims.begin());
  NamedTensor part{whole.name, Tensor(whole.tensor.dtype(), dims)};
  if (part.tensor.bytes())
    std::memcpy(part.tensor.data(), static_cast<const std::byte*>(whole.tensor.data()) + static_cast<std::size_t>(first) * row_bytes,
                part.tensor.bytes());
  return part;
}

}  // namespace

Result<std::vector<std::vector<NamedTensor>>> run_packed(ModelCompilePipeline& pipeline, const Template& from, Sequences sequences,
                                                         std::string_view offsets) {
  return guard([&]() -> Result<std::vector<std::vector<NamedTensor>>> {
    if (!from.body()) return fail(ErrorCode::kInvalidArgument, "the template is empty: build one with build_template");
    RLX_ASSIGN(const Form form, Form::of(from, offsets));
    RLX_ASSIGN(const std::vector<std::int64_t> lengths, lengths_of(form, sequences));
    RLX_ASSIGN(const Tensor at, packed_offsets(form.offsets->shape.dtype, lengths));
    std::int64_t rows = 0;
    for (const std::int64_t length : lengths) rows += length;
    std::vector<Tensor> tensors;
    std::vector<NamedView> views = {{form.offsets->name, at.view()}};
    for (const Value* input : form.inputs) {
      RLX_ASSIGN(Tensor tensor, packed_input(*input, sequences, rows));
      tensors.push_back(std::move(tensor));
      views.push_back({input->name, tensors.back().view()});
    }
    RLX_ASSIGN(const Binding known, solved(form.offsets->shape.dims[0], at.dims()[0]));
    RLX_ASSIGN(const Binding binding, bind_inputs(*from.body()->graph, views, known));
    RLX_ASSIGN(const CompiledGraph graph, pipeline.get_or_compile(from, binding));
    RLX_ASSIGN(const std::vector<NamedTensor> outputs, graph.run(views));
    std::vector<std::vector<NamedTensor>> results(sequences.size());
    std::int64_t first = 0;
    for (std::size_t n = 0; n < sequences.size(); first += lengths[n++])
      for (std::size_t i = 0; i < outputs.size(); ++i)
        results[n].push_back(form.per_row[i] ? cut(outputs[i], first, lengths[n], false)
                                             : cut(outputs[i], static_cast<std::int64_t>(n), 1, true));
    return results;
  });
}

}  // namespace rlx
