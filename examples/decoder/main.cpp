// SPDX-License-Identifier: Apache-2.0
// Writes token after token with a small decoder of random weights: one executable for the prompt, one for every step after
// it, and a context that holds the keys and values. Usage: decoder [steps] [capacity]
#include <rlx/host/context.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>

#include "decoder.h"

namespace {

int say(const rlx::Error& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return 1;
}

std::int64_t best(const rlx::Tensor& logits, std::int64_t vocab) {
  const auto last = logits.f32().last(static_cast<std::size_t>(vocab));
  return std::max_element(last.begin(), last.end()) - last.begin();
}

constexpr std::int64_t kMost = 1 << 20;  // some hundred MiB of states and tables

bool read_number(const char* name, const std::string& text, std::int64_t least, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= kMost) return true;
  std::fprintf(stderr, "decoder: %s is `%s`, wanted %lld to %lld\n", name, text.c_str(), static_cast<long long>(least), static_cast<long long>(kMost));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t steps = 32, capacity = 256;
  if (argc > 3 || (argc > 1 && !read_number("steps", argv[1], 0, steps)) || (argc > 2 && !read_number("capacity", argv[2], 1, capacity))) {
    std::fprintf(stderr, "Usage: decoder [steps] [capacity]\n");
    return 2;
  }
  rlx_decoder::DecoderConfig config;
  config.positions = std::max<std::int64_t>(capacity, 1);
  auto runtime = rlx::Runtime::discover();
  if (!runtime) return say(runtime.error());
  auto device = runtime->device();
  if (!device) return say(device.error());
  const auto model = rlx_decoder::cached_decoder(config, rlx_decoder::random_weights(config, 1));
  if (!model) return say(model.error());
  auto pipeline = rlx::ModelCompilePipeline::create(*device);
  if (!pipeline) return say(pipeline.error());
  const auto decoder = pipeline->build_template("decoder", *model);
  if (!decoder) return say(decoder.error());

  std::vector<std::int64_t> ids = {1, 2, 3, 5, 8};
  const auto prompt = pipeline->get_or_compile(*decoder, {{"batch", 1}, {"seq", static_cast<std::int64_t>(ids.size())}, {"capacity", capacity}});
  if (!prompt) return say(prompt.error());
  const auto step = pipeline->get_or_compile(*decoder, {{"batch", 1}, {"seq", 1}, {"capacity", capacity}});
  if (!step) return say(step.error());
  auto context = prompt->create_context();
  if (!context) return say(context.error());

  const auto first = rlx::Tensor::of({1, static_cast<std::int64_t>(ids.size())}, std::span<const std::int64_t>(ids));
  auto logits = context->run(*prompt, {{{"ids", first.view()}}});
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; logits && i < steps; ++i) {
    ids.push_back(best(logits->front().tensor, config.vocab));
    const auto next = rlx::Tensor::of({1, 1}, std::span<const std::int64_t>(ids).last(1));
    logits = context->run(*step, {{{"ids", next.view()}}});
  }
  if (!logits) return say(logits.error());
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  for (const std::int64_t id : ids) std::printf("%lld ", static_cast<long long>(id));
  std::printf("\n%lld of %lld rows filled, %.1f KiB of states, %.1f us a step\n", static_cast<long long>(context->length()),
              static_cast<long long>(context->capacity()), static_cast<double>(context->bytes()) / 1024,
              us / static_cast<double>(std::max<std::int64_t>(steps, 1)));
  return 0;
}
