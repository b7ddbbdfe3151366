// SPDX-License-Identifier: Apache-2.0
// embed: nearest sentences with a real sentence encoder, on a backend found at run time.
#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
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

int usage(const char* what) {
  std::fprintf(stderr, "embed: %s\nUsage: embed --model DIR [--lines FILE TEXT...] [--tour]\n", what);
  return 2;
}

/// Errors: kFileNotFound, kFileUnreadable; kFileDamaged for a file of no sentences.
rlx::Result<std::vector<std::string>> read_lines(const std::string& path) {
  using rlx::ErrorCode;
  const auto fail = [&](ErrorCode code, const std::string& why) { return rlx::Error(code, "--lines `" + path + "`: " + why); };
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return fail(ErrorCode::kFileNotFound, "no such file");
  if (std::filesystem::is_directory(path, ignored)) return fail(ErrorCode::kFileUnreadable, "is a folder");
  errno = 0;
  std::ifstream file(path);
  if (!file) return fail(ErrorCode::kFileUnreadable, errno ? std::strerror(errno) : "cannot be opened");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  if (lines.empty()) return fail(ErrorCode::kFileDamaged, "has no sentences: one a line, # begins a comment line");
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
  std::vector<std::string> lines;
  if (!a.texts.empty()) {
    auto read = read_lines(a.lines);
    if (!read) return fail(read.error());
    lines = std::move(*read);
  }
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
  return a.texts.empty() ? 0 : nearest(*embedder, lines, a.texts);
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
  if (arguments.model.empty())
    return usage("--model is missing: the folder of model.safetensors, vocab.txt and config.json");
  if (arguments.texts.empty() && !arguments.tour) return usage("nothing to do: give a TEXT, or --tour");
  if (!arguments.texts.empty() && arguments.lines.empty()) return usage("--lines is missing: the file of sentences to search");
  try {
    return run(arguments);
  } catch (const std::exception& exception) {  // of the JSON and standard libraries
    std::fprintf(stderr, "embed: %s\n", exception.what());
    return 1;
  }
}
