// SPDX-License-Identifier: Apache-2.0
// Text in, unit vectors out: the tokenizer and the encoder on one device, at whatever shape the texts have.
#pragma once

#include <rlx/host/pipeline.hpp>

#include <memory>
#include <string>
#include <vector>

#include "tokenizer.h"

namespace rlx_embed {

/// Token rows of equal length with a mask: what the encoder takes.
struct Batch {
  rlx::Tensor ids, mask;
  std::int64_t rows = 0, length = 0;
};

class Embedder {
 public:
  /// `folder` holds model.safetensors, vocab.txt and config.json. Errors: those of its files, of the device, of compiling.
  static rlx::Result<Embedder> open(const std::string& folder, rlx::Device device, const rlx::CompileOptions& options = {});

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const rlx::Template& model_template() const { return template_; }
  rlx::ModelCompilePipeline& pipeline() { return pipeline_; }

  /// Pads to the longest row.
  Batch pad(const std::vector<std::vector<std::int64_t>>& rows) const;
  /// f32[rows, width]. Errors: those of compiling and running.
  rlx::Result<rlx::Tensor> run(const Batch& batch);
  /// The same from text, at most `max_length` tokens a text.
  rlx::Result<rlx::Tensor> embed(const std::vector<std::string>& texts, std::size_t max_length = 256);

 private:
  Embedder(rlx::ModelCompilePipeline pipeline, rlx::Template from, Tokenizer tokenizer)
      : pipeline_(std::move(pipeline)), template_(std::move(from)), tokenizer_(std::make_shared<const Tokenizer>(std::move(tokenizer))) {}

  rlx::ModelCompilePipeline pipeline_;
  rlx::Template template_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

/// Dot product of two rows; the cosine where both have length 1.
double dot(std::span<const float> a, std::span<const float> b);

}  // namespace rlx_embed
