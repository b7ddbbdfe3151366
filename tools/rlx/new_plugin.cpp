// SPDX-License-Identifier: Apache-2.0
// rlx new-plugin NAME DIR: writes the project of a backend that builds against the installed plugin_api alone. Its source
// is examples/plugin_c, which is compiled here, with the names replaced.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include "command.h"
#include "templates/embedded.h"

namespace rlx_tool {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

struct Project {
  std::string name, kind, id, language;
  fs::path folder;
  std::string source() const { return language == "c" ? "plugin.c" : "plugin.cpp"; }
};

struct File {
  std::string name;
  std::string bytes;
};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// [a-z][a-z0-9_]*, as device kinds are.
bool is_word(std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest || !is_lower(text[0])) return false;
  for (const char c : text)
    if (!is_lower(c) && !is_digit(c) && c != '_') return false;
  return true;
}

/// Two words or more, joined by dots; each may also have dashes.
bool is_reverse_dns(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  std::size_t words = 1, length = 0;
  for (const char c : text) {
    if (c == '.') {
      if (length == 0) return false;
      ++words, length = 0;
    } else if (is_lower(c) || is_digit(c) || c == '_' || c == '-') {
      ++length;
    } else {
      return false;
    }
  }
  return words >= 2 && length > 0;
}

/// What is wrong with the request; empty where nothing is.
std::string fault_of(const Project& project) {
  if (!is_word(project.name, 31))
    return "NAME is `" + project.name + "`, wanted a to z, digits and _, a letter first, at most 31 characters";
  if (!is_word(project.kind, 15))
    return "the device kind is `" + project.kind + "`, wanted a to z, digits and _, a letter first, at most 15 characters (--kind)";
  if (!is_reverse_dns(project.id)) return "--id is `" + project.id + "`, wanted a reverse DNS name like org.example." + project.name;
  if (project.language != "c" && project.language != "cpp") return "--language is `" + project.language + "`, wanted c or cpp";
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

std::string filled(std::string_view pattern, const Project& project) {
  std::string text(pattern);
  replace_all(text, "{{name}}", project.name);
  replace_all(text, "{{kind}}", project.kind);
  replace_all(text, "{{source}}", project.source());
  replace_all(text, "{{language}}", project.language == "c" ? "C" : "CXX");
  return text;
}

/// The example with the project's names; nothing where a line that is to be replaced is not there.
std::optional<std::string> source_of(const Project& project) {
  std::string text(kPluginSource);
  const std::string id = "\"" + project.id + "\"", name = "\"" + project.name + "\"", kind = "\"" + project.kind + "\"";
  const std::string library = "plain.so", own = project.name + ".so";
  const std::pair<std::string, std::string> lines[] = {{"#define PLUGIN_ID \"org.example.plain\"", "#define PLUGIN_ID " + id},
                                                       {"#define PLUGIN_NAME \"Plain\"", "#define PLUGIN_NAME " + name},
                                                       {"#define PLUGIN_KIND \"plain\"", "#define PLUGIN_KIND " + kind},
                                                       {"-o plain.so", "-o " + own}};
  for (const auto& [from, to] : lines) {
    const std::size_t at = text.find(from);
    if (at == std::string::npos) return std::nullopt;
    text.replace(at, from.size(), to);
  }
  if (project.language == "cpp") replace_all(text, "cc -std=c11 ", "c++ -std=c++17 "), replace_all(text, "plugin.c -o", "plugin.cpp -o");
  return text;
}

bool write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return file.good();
}

int write_project(const Project& project) {
  const auto source = source_of(project);
  if (!source) {
    std::fprintf(stderr, "rlx: the example inside this tool has not the lines that are to be replaced\n");
    return kFailed;
  }
  const File files[] = {{"CMakeLists.txt", filled(kPluginCMake, project)},
                        {project.source(), *source},
                        {"ops.h", kPluginOps},
                        {"README.md", filled(kPluginReadme, project)},
                        {"smoke_test.sh", filled(kPluginSmokeTest, project)},
                        {"model.onnx", std::string(reinterpret_cast<const char*>(kPluginModel), sizeof kPluginModel)}};
  std::error_code error;
  if (fs::exists(fs::symlink_status(project.folder, error))) {
    std::fprintf(stderr, "rlx: `%s` exists; a new project wants a folder of its own\n", project.folder.c_str());
    return kFailed;
  }
  if (!fs::create_directories(project.folder, error) || error) {
    std::fprintf(stderr, "rlx: cannot make the folder `%s`: %s\n", project.folder.c_str(), error.message().c_str());
    return kFailed;
  }
  for (const File& file : files) {
    if (write_file(project.folder / file.name, file.bytes)) continue;
    std::fprintf(stderr, "rlx: cannot write `%s`: %s\n", (project.folder / file.name).c_str(), std::strerror(errno));
    return kFailed;
  }
  const std::string folder = project.folder.string();
  std::printf("%s: a backend of kind %s, id %s\n\nNext (PREFIX: where the component plugin_api is installed: cmake --install build --component plugin_api --prefix PREFIX)\n  cmake -S %s -B %s/build -DCMAKE_PREFIX_PATH=PREFIX && cmake --build %s/build\n  rlx plugins --plugins %s/build/%s.so --only-plugins\n",
              folder.c_str(), project.kind.c_str(), project.id.c_str(), folder.c_str(), folder.c_str(), folder.c_str(), folder.c_str(),
              project.name.c_str());
  return kDone;
}

}  // namespace

int new_plugin_command(const Arguments& arguments) {
  Project project;
  std::string folder;
  po::options_description options("Options");
  options.add_options()("language,l", po::value(&project.language)->default_value("c")->value_name("c|cpp"), "of the source")  //
      ("kind,k", po::value(&project.kind)->value_name("KIND"), "of its devices; default: NAME")                              //
      ("id", po::value(&project.id)->value_name("ID"), "reverse DNS; default: org.example.NAME")                             //
      ("name", po::value(&project.name)->value_name("NAME")->required(), "of the library")                                   //
      ("folder", po::value(&folder)->value_name("DIR")->required(), "that is made")                                          //
      ("help,h", "show this text");
  po::positional_options_description positional;
  positional.add("name", 1).add("folder", 1);
  const char* usage =
      "Usage: rlx new-plugin NAME [--language c|cpp] [--kind KIND] [--id REVERSE.DNS.ID] DIR\n"
      "Writes the project of a backend that works: build it against the installed rlx_plugin_api, then replace its arithmetic.";
  if (const int stop = parse(arguments, options, positional, usage); stop >= 0) return stop;
  if (project.kind.empty()) project.kind = project.name;
  if (project.id.empty()) project.id = "org.example." + project.name;
  project.folder = folder;
  if (const std::string fault = fault_of(project); !fault.empty()) {
    std::fprintf(stderr, "rlx: %s\n", fault.c_str());
    return kUsage;
  }
  return write_project(project);
}

}  // namespace rlx_tool
