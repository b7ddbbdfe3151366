// SPDX-License-Identifier: Apache-2.0
// The example's whole use of the runtime: build once, then one call per batch.
#include "embedder.h"

#include <algorithm>
#include <filesystem>

#include "encoder.h"

namespace rlx_embed {

rlx::Result<Embedder> Embedder::open(const std::string& folder, rlx::Device device, const rlx::CompileOptions& options) {
  if (std::error_code ignored; !std::filesystem::exists(folder + "/vocab.txt", ignored))
    return rlx::Error(rlx::ErrorCode::kFileNotFound, "`" + folder + "/vocab.txt`: no such file");
  std::string why;
  auto tokenizer = Tokenizer::load(folder + "/vocab.txt", why);
  if (!tokenizer) return rlx::Error(rlx::ErrorCode::kFileDamaged, why);
  const auto config = read_config(folder + "/config.json");
  if (!config) return config.error();
  if (static_cast<std::int64_t>(tokenizer->size()) != config->vocab)
    return rlx::Error(rlx::ErrorCode::kFileDamaged, "`" + folder + "/vocab.txt` has " + std::to_string(tokenizer->size()) +
                                                        " tokens, vocab_size in its config.json is " + std::to_string(config->vocab));
  const auto model = build_encoder(*config, folder + "/model.safetensors");
  if (!model) return model.error();
  auto pipeline = rlx::ModelCompilePipeline::create(std::move(device));
  if (!pipeline) return pipeline.error();
  auto made = pipeline->build_template("sentence_encoder", *model, options);
  if (!made) return made.error();
  return Embedder(std::move(*pipeline), std::move(*made), std::move(*tokenizer));
}

Batch Embedder::pad(const std::vector<std::vector<std::int64_t>>& rows) const {
  Batch batch;
  batch.rows = static_cast<std::int64_t>(rows.size());
  for (const auto& row : rows) batch.length = std::max(batch.length, static_cast<std::int64_t>(row.size()));
  batch.ids = rlx::Tensor(rlx::DType::kI64, {batch.rows, batch.length});
  batch.mask = rlx::Tensor(rlx::DType::kI64, {batch.rows, batch.length});
  std::fill(batch.ids.i64().begin(), batch.ids.i64().end(), tokenizer_->pad_id());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i) * batch.length;
    std::copy(rows[i].begin(), rows[i].end(), batch.ids.i64().begin() + at);
    std::fill_n(batch.mask.i64().begin() + at, rows[i].size(), 1);
  }
  return batch;
}

rlx::Result<rlx::Tensor> Embedder::run(const Batch& batch) {
  const std::vector<rlx::NamedView> inputs = {{"ids", batch.ids.view()}, {"mask", batch.mask.view()}};
  const auto binding = template_.bind(inputs);
  if (!binding) return binding.error();
  const auto graph = pipeline_.get_or_compile(template_, *binding);
  if (!graph) return graph.error();
  auto outputs = graph->run(inputs);
  if (!outputs) return outputs.error();
  return std::move(outputs->front().tensor);
}

rlx::Result<rlx::Tensor> Embedder::embed(const std::vector<std::string>& texts, std::size_t max_length) {
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::string& text : texts) rows.push_back(tokenizer_->encode(text, max_length));
  return run(pad(rows));
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

}  // namespace rlx_embed
