// SPDX-License-Identifier: Apache-2.0
// embed: nearest sentences with a real sentence encoder, on a backend found at run time.
#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "embedder.h"
#include "tour.h"

namespace {

namespace po = boost::program_options;

struct Arguments {
  std::string model, device, lines;
  std::vector<std::string> plugins, texts;
  bool only_plugins = false, tour = false;
  rlx_embed::TourOptions tour_options;
};

po::options_description describe(Arguments& a) {
  po::options_description options("Options");
  options.add_options()("help,h", "show this text")                                                                    //
      ("model,m", po::value(&a.model)->value_name("DIR"), "folder of model.safetensors, vocab.txt and config.json")     //
      ("device,d", po::value(&a.device)->value_name("DEVICE"), "e.g. cpu:0; default: the highest priority that there is") //
      ("plugins,p", po::value(&a.plugins)->value_name("PATH"), "plugin file or folder, searched first; repeatable")      //
      ("only-plugins", po::bool_switch(&a.only_plugins), "search nothing but --plugins")                                //
      ("lines,l", po::value(&a.lines)->value_name("FILE"), "sentences to search, one a line; # begins a comment line")   //
      ("tour", po::bool_switch(&a.tour), "show backends, shapes and checks")                                            //
      ("fixture", po::value(&a.tour_options.fixture)->value_name("FILE"), "of --tour: embeddings of other programs")     //
      ("reference", po::value(&a.tour_options.reference)->value_name("FILE"), "of --tour: plugin of the float64 reference") //
      ("seed", po::value(&a.tour_options.seed)->value_name("N"), "of --tour: seed of the shapes drawn at random")        //
      ("text", po::value(&a.texts)->value_name("TEXT"), "text to find the nearest sentences of; repeatable");
  return options;
}

int fail(const rlx::Error& error) {
  std::fprintf(stderr, "embed: %s\n", error.to_string().c_str());
  return 1;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  return lines;
}

/// Prints the three nearest lines of each text.
int nearest(rlx_embed::Embedder& embedder, const std::vector<std::string>& lines, const std::vector<std::string>& texts) {
  const auto table = embedder.embed(lines);
  if (!table) return fail(table.error());
  const std::size_t width = table->f32().size() / lines.size();
  for (const std::string& text : texts) {
    const auto query = embedder.embed({text});
    if (!query) return fail(query.error());
    std::vector<std::pair<double, std::size_t>> ranked;
    for (std::size_t i = 0; i < lines.size(); ++i)
      ranked.emplace_back(-rlx_embed::dot(query->f32(), table->f32().subspan(i * width, width)), i);
    std::sort(ranked.begin(), ranked.end());
    std::printf("%s\n", text.c_str());
    for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i)
      std::printf("  %6.3f  %s\n", -ranked[i].first, lines[ranked[i].second].c_str());
  }
  return 0;
}

int run(Arguments& a) {
  rlx::RuntimeOptions options;
  options.plugin_paths = a.plugins;
  options.only_plugin_paths = a.only_plugins;
  auto runtime = rlx::Runtime::discover(options);
  if (!runtime) return fail(runtime.error());
  if (a.tour && !rlx_embed::show_backends(*runtime)) return 1;
  const auto device = runtime->device(a.device);
  if (!device) return fail(device.error());
  const auto begin = std::chrono::steady_clock::now();
  auto embedder = rlx_embed::Embedder::open(a.model, *device);
  if (!embedder) return fail(embedder.error());
  a.tour_options.load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  a.tour_options.model_folder = a.model;
  if (a.tour && !rlx_embed::show_shapes(*embedder, a.tour_options)) return 1;
  if (a.tour && !rlx_embed::show_checks(*embedder, a.tour_options)) return 1;
  if (a.texts.empty()) return 0;
  const std::vector<std::string> lines = read_lines(a.lines);
  if (lines.empty()) return fail(rlx::Error(rlx::ErrorCode::kFileNotFound, "--lines `" + a.lines + "` has no sentences"));
  return nearest(*embedder, lines, a.texts);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  const po::options_description options = describe(arguments);
  try {
    po::positional_options_description positional;
    positional.add("text", -1);
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), values);
    po::notify(values);
    if (values.count("help")) {
      std::cout << "Usage: embed --model DIR [--lines FILE TEXT...] [--tour]\n\nNearest sentences with a sentence encoder.\n\n" << options;
      return 0;
    }
  } catch (const po::error& error) {
    std::fprintf(stderr, "embed: %s; see embed --help\n", error.what());
    return 2;
  }
  if (arguments.model.empty()) {
    std::fprintf(stderr, "embed: --model is missing: the folder of model.safetensors, vocab.txt and config.json\n");
    return 2;
  }
  try {
    return run(arguments);
  } catch (const std::exception& exception) {  // of the JSON and standard libraries
    std::fprintf(stderr, "embed: %s\n", exception.what());
    return 1;
  }
}
