// SPDX-License-Identifier: Apache-2.0
// Model: what a model author writes (the HIR) or an importer reads, with the weights it carries. ModelBuilder writes one.
#pragma once

#include <rlx/host/result.hpp>
#include <rlx/host/tensor.hpp>
#include <rlx/host/types.hpp>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class Graph;
struct ModelOrigin;

/// A size in a model: a number, or an expression over symbols such as "seq", "batch*12", "ceildiv(h, 2)".
class RLX_API Size {
 public:
  Size(std::int64_t number) : number_(number) {}          // NOLINT: numbers are sizes
  Size(int number) : number_(number) {}                   // NOLINT
  Size(const char* expression) : expression_(expression) {}  // NOLINT: "seq" is a size
  Size(std::string expression) : expression_(std::move(expression)) {}  // NOLINT
  std::int64_t number() const { return number_; }
  const std::string& expression() const { return expression_; }  ///< empty for a number

 private:
  std::int64_t number_ = 0;
  std::string expression_;
};
using Sizes = std::vector<Size>;

/// Immutable; cheap to copy; usable from any thread.
class RLX_API Model {
 public:
  Model() = default;
  Model(std::shared_ptr<const Graph> graph, std::vector<ParamSource> weights);
  const Graph& graph() const;  ///< an empty one of a model that is empty or was moved from
  /// Weights that came with the model (mapped from its files); a template made from it starts with them.
  std::span<const ParamSource> weights() const { return weights_; }
  /// The model as text (see docs/architecture.md, "text form").
  std::string to_text() const;
  /// Notes of the importer for a person: inputs that no node reads and the like.
  const std::vector<std::string>& warnings() const { return warnings_; }
  void set_warnings(std::vector<std::string> warnings) { warnings_ = std::move(warnings); }
  /// What the runtime knows of a model that came from a package; null for others.
  const std::shared_ptr<const ModelOrigin>& origin() const { return origin_; }
  void set_origin(std::shared_ptr<const ModelOrigin> origin) { origin_ = std::move(origin); }

 private:
  std::shared_ptr<const Graph> graph_;
  std::vector<ParamSource> weights_;
  std::vector<std::string> warnings_;
  std::shared_ptr<const ModelOrigin> origin_;
};

/// Reads a model in text form (what Model::to_text prints). Errors: kParseError, kInvalidModel.
RLX_API Result<Model> model_from_text(std::string_view text, std::vector<ParamSource> weights = {});

/// Reads a model file by its extension: ".onnx" with the importer library beside the runtime library, ".rlx" (a package)
/// by mapping it. Errors: kFileNotFound, kFileDamaged, kImporterMissing, kMalformedModelFile, kUnsupportedModel (all operators listed), kUnsafePath.
RLX_API Result<Model> load_model(const std::string& path);

/// Tensors of a safetensors file, mapped, not copied. Errors: kFileNotFound, kFileDamaged, kImporterMissing.
RLX_API Result<std::vector<ParamSource>> load_weights(const std::string& path);

/// A value of the model that is being built; belongs to one builder, which refuses those of another one. Made by builders only.
struct Handle {
  std::uint32_t id = 0xFFFFFFFFu;
};

enum class Activation : std::uint32_t {  // RLX_ACT_*
  kNone = 0, kRelu = 1, kLeakyRelu = 2, kClip = 3, kGeluErf = 4, kGeluTanh = 5, kSilu = 6, kSigmoid = 7, kTanh = 8,
  kHardSigmoid = 9, kHardSwish = 10, kSoftplus = 11, kMish = 12, kElu = 13, kSelu = 14, kCelu = 15, kSoftsign = 16,
};

enum class MaskKind : std::uint32_t { kNone = 0, kBool = 1, kBias = 2, kKeyBool = 3, kLengths = 4, kSeqOffsets = 5 };  // RLX_MASK_*

struct AttentionOptions {
  double scale = 0;    ///< 0 = 1/sqrt(head dim)
  double softcap = 0;  ///< 0 = none; else softcap * tanh(score / softcap)
  int causal = 0;      ///< RLX_CAUSAL_*: 0 none, 1 top-left, 2 bottom-right, 3 by lengths (a cache with room to spare)
  std::int64_t window_left = -1;   ///< -1 = unlimited
  std::int64_t window_right = -1;  ///< -1 = unlimited
  MaskKind mask_kind = MaskKind::kNone;
};

/// An attribute of ModelBuilder::op, keyed by RLX_ATTR_*: exactly one of the members counts, by `kind`.
struct OpAttribute {
  enum class Kind { kSize, kReal, kDtype, kSizes, kReals, kText };
  std::uint32_t key = 0;
  Kind kind = Kind::kSize;
  Size size = 0;
  double real = 0;
  DType dtype = DType::kNone;
  Sizes sizes;
  std::vector<double> reals;
  std::string text;
};

/// Writes a model operation by operation. Shapes are inferred at every call; the first error sticks, later calls do
/// nothing, and finish() returns it with the name of the operation. Dims may be symbols: "batch", "seq+1".
/// Not thread-safe.
class RLX_API ModelBuilder {
 public:
  explicit ModelBuilder(std::string name = "model");
  ~ModelBuilder();
  ModelBuilder(ModelBuilder&&) noexcept;
  ModelBuilder& operator=(ModelBuilder&&) noexcept;

  /// Range of a symbol; without this call 1 and more. Zero is allowed only where `least` is 0.
  void symbol(std::string_view name, std::int64_t least, std::int64_t greatest);

  Handle input(std::string name, DType dtype, Sizes dims);
  /// Memory that lives from run to run in an ExecutionContext, zero at first; the handle is what a run finds there.
  Handle state(std::string name, DType dtype, Sizes dims);
  /// What the run leaves in the state: dtype and dims of the state. Every state has one. The old value may be read beside
  /// it; where nobody does, update_slice writes in place and costs what it writes, not what the state holds.
  void set_state(std::string_view name, Handle value);
  /// How far the states are filled along one axis, an i64 scalar that the context keeps: 0 at first, `step` more after
  /// every run, refused past `capacity`. States are to be written from there on, and not to be read past what is written.
  Handle length(std::string name, Size step, Size capacity);
  Handle param(std::string name, DType dtype, std::vector<std::int64_t> dims);
  Handle constant(const TensorView& value);  ///< copied
  Handle scalar(DType dtype, double value);

  /// x[.., K] by w[K, N] (or [N, K] where `transposed`), bias [N] optional. Result [.., N].
  Handle linear(Handle x, Handle w, Handle bias = {}, Activation activation = Activation::kNone, bool transposed = false);
  Handle matmul(Handle a, Handle b);  ///< numpy rule, batch dims broadcast
  Handle activation(Handle x, Activation activation, double alpha = 0, double beta = 0);
  Handle unary(std::uint32_t fn, Handle x);               ///< RLX_UNARY_*
  Handle binary(std::uint32_t fn, Handle a, Handle b);    ///< RLX_BINARY_*, numpy broadcast
  Handle compare(std::uint32_t fn, Handle a, Handle b);   ///< RLX_COMPARE_*
  Handle add(Handle a, Handle b);
  Handle sub(Handle a, Handle b);
  Handle mul(Handle a, Handle b);
  Handle div(Handle a, Handle b);
  Handle select(Handle condition, Handle yes, Handle no);
  Handle cast(Handle x, DType to);
  Handle layer_norm(Handle x, Handle gamma, Handle beta, double eps);        ///< over the last axis
  Handle rms_norm(Handle x, Handle gamma, double eps, double gamma_offset = 0);
  Handle softmax(Handle x, std::int64_t axis = -1, bool log = false);
  /// q[B,H,Sq,D], k[B,Hkv,Sk,D], v[B,Hkv,Sk,Dv], mask by options.mask_kind -> [B,H,Sq,Dv]. H is a multiple of Hkv.
  Handle attention(Handle q, Handle k, Handle v, Handle mask, const AttentionOptions& options);
  Handle rope(Handle x, Handle cos, Handle sin, Handle positions = {}, bool interleaved = false, std::int64_t rotary_dims = 0);
  /// act(x gate) * (x up), then down: the gated feed-forward block.
  Handle swiglu(Handle x, Handle gate, Handle up, Handle down, Activation activation = Activation::kSilu, bool transposed = false);
  Handle reshape(Handle x, Sizes dims);  ///< one dim may be -1
  Handle transpose(Handle x, std::vector<std::int64_t> perm);
  Handle expand(Handle x, Sizes dims);
  Handle slice(Handle x, std::int64_t axis, Size start, Size limit, Size step = 1);
  /// The `size` elements along `axis` from `start`, an i64 scalar known at run time. A block that leaves x is kDataError.
  Handle dynamic_slice(Handle x, std::int64_t axis, Handle start, Size size);
  /// x with the block that begins at `start` along `axis` replaced by `update` (dims of x, but along `axis`).
  Handle update_slice(Handle x, Handle update, std::int64_t axis, Handle start);
  Handle concat(std::vector<Handle> parts, std::int64_t axis);
  /// data[:axis] ++ indices.shape ++ data[axis+1:]. Indices out of range are an error at run time.
  Handle gather(Handle data, Handle indices, std::int64_t axis = 0);
  Handle reduce(std::uint32_t fn, Handle x, std::vector<std::int64_t> axes, bool keep);  ///< RLX_REDUCE_*
  Handle mean(Handle x, std::vector<std::int64_t> axes, bool keep);
  /// Folds the rows of x[rows, ..] between offsets [n] and [n+1] to row n of the result; offsets i32 or i64 [N+1].
  Handle segment_reduce(std::uint32_t fn, Handle x, Handle offsets);  ///< RLX_REDUCE_SUM, PROD, MAX or MIN
  Handle segment_mean(Handle x, Handle offsets);                      ///< zeros where there are no rows
  Handle size_of(Size expression);  ///< an i64 scalar
  /// Any operation of the contract by opcode (docs/ops.md); returns all results.
  std::vector<Handle> op(std::uint32_t opcode, std::vector<Handle> operands, std::vector<OpAttribute> attributes = {},
                         std::string name = {});

  /// Dims and dtype of a value, for authors and importers: "f32[batch, 384]".
  std::string describe(Handle value) const;
  DType dtype(Handle value) const;
  Sizes dims(Handle value) const;
  bool failed() const;

  void set_output(std::string name, Handle value);
  /// Outputs are named output0, output1, ...
  void set_outputs(std::vector<Handle> values);

  /// Errors: the first of the building, or kInvalidModel (no outputs, a name twice).
  Result<Model> finish(std::vector<ParamSource> weights = {});

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace rlx
