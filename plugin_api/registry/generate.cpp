// SPDX-License-Identifier: Apache-2.0
// rlx_registry REGISTRY ROOT: writes the files that are made from the registry below ROOT:
// plugin_api/check/layout.inc, runtime/ir/op_table.inc, tools/conform/shared/registry_table.inc, docs/ops.md. They are
// committed; a test makes them again and compares.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

constexpr const char* kMade = "Made by plugin_api/registry/generate.cpp from rlx.json. Do not edit";

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string text_of(const Json& object, const char* key) { return object.value(key, std::string()); }

std::string joined(const Json& list, const std::string& between) {
  std::string out;
  for (const Json& item : list) out += (out.empty() ? "" : between) + item.get<std::string>();
  return out;
}

void refuse(const std::string& what) { throw std::runtime_error(what); }

// ---- What a registry must keep
// -------------------------------------------------------------------------------------

void check_unique(const Json& list, const std::string& what) {
  std::set<std::string> names;
  std::set<std::uint64_t> numbers;
  for (const Json& row : list) {
    const std::string name = row.at("name");
    if (!names.insert(name).second) refuse(what + ": the name " + name + " occurs twice");
    if (!numbers.insert(row.at("number").get<std::uint64_t>()).second)
      refuse(what + ": the number of " + name + " occurs twice");
  }
}

void check_struct(const Json& row) {
  const std::string name = row.at("name");
  std::uint64_t end = 0;
  for (const Json& field : row.at("fields")) {
    const auto offset = field.at("offset").get<std::uint64_t>();
    if (offset != end) refuse(name + "." + text_of(field, "name") + " leaves a gap: padding must be a field");
    end = offset + field.at("size").get<std::uint64_t>();
    const bool pointer = text_of(field, "type").find('*') != std::string::npos;
    if (pointer && !field.contains("may_be_null"))
      refuse(name + "." + text_of(field, "name") + " does not say whether it may be null");
  }
  if (end != row.at("size").get<std::uint64_t>()) refuse(name + " ends in padding that is no field");
  const std::string kind = row.at("kind");
  const bool sized = row.at("fields").at(0).at("name") == "struct_size";
  if ((kind == "in" || kind == "out") && !sized) refuse(name + " grows, but does not begin with struct_size");
}

void check_references(const Json& registry) {
  std::set<std::string> attributes, statuses;
  for (const Json& row : registry.at("attributes")) attributes.insert(row.at("name"));
  for (const Json& row : registry.at("statuses")) statuses.insert(row.at("name"));
  for (const Json& op : registry.at("ops"))
    for (const Json& name : op.at("attributes"))
      if (!attributes.contains(name))
        refuse(text_of(op, "name") + " has an unknown attribute " + name.get<std::string>());
  for (const Json& table : registry.at("interfaces"))
    for (const Json& slot : table.at("slots"))
      for (const Json& name : slot.at("errors"))
        if (!statuses.contains(name))
          refuse(text_of(table, "id") + " has an unknown status " + name.get<std::string>());
}

void check(const Json& registry) {
  for (const char* list : {"statuses", "scopes", "dtypes", "attributes", "ops", "image_sections"})
    check_unique(registry.at(list), list);
  for (const Json& set : registry.at("sets")) check_unique(set.at("values"), text_of(set, "name"));
  for (const Json& row : registry.at("structs")) check_struct(row);
  check_references(registry);
}

// ---- layout.inc
// ----------------------------------------------------------------------------------------------------

void numbers(std::string& out, const Json& list, const std::string& prefix) {
  for (const Json& row : list)
    out += "RLX_NUMBER(" + prefix + upper(row.at("name")) + ", " +
           std::to_string(row.at("number").get<std::uint64_t>()) + ")\n";
}

std::string layout(const Json& registry) {
  std::string out = std::string("/* SPDX-License-Identifier: Apache-2.0 */\n/* ") + kMade +
                    ": sizes, offsets, numbers. */\n";
  for (const Json& row : registry.at("structs")) {
    const std::string name = row.at("name");
    out += "RLX_SIZE(" + name + ", " + std::to_string(row.at("size").get<int>()) + ")\n";
    for (const Json& field : row.at("fields"))
      out += "RLX_FIELD(" + name + ", " + text_of(field, "name") + ", " +
             std::to_string(field.at("offset").get<int>()) + ", " +
             std::to_string(field.at("size").get<int>()) + ")\n";
  }
  numbers(out, registry.at("statuses"), "RLX_STATUS_");
  numbers(out, registry.at("scopes"), "RLX_SCOPE_");
  numbers(out, registry.at("dtypes"), "RLX_DTYPE_");
  numbers(out, registry.at("ops"), "RLX_OP_");
  numbers(out, registry.at("attributes"), "RLX_ATTR_");
  numbers(out, registry.at("image_sections"), "RLX_LIR_");
  numbers(out, registry.at("constants"), "");
  for (const Json& set : registry.at("sets")) numbers(out, set.at("values"), set.at("prefix"));
  for (const Json& row : registry.at("strings"))
    out += "RLX_TEXT(" + text_of(row, "name") + ", \"" + text_of(row, "text") + "\")\n";
  return out;
}

// ---- op_table.inc
// ----------------------------------------------------------------------------------------------------

std::string op_table(const Json& registry) {
  std::string out = std::string("// SPDX-License-Identifier: Apache-2.0\n// ") + kMade +
                    ": names of opcodes, functions, attributes.\n";
  std::set<std::string> functions = {"act"};
  for (const Json& op : registry.at("ops")) {
    const std::string set = op.at("functions");
    if (set != "none") functions.insert(set);
    out += "RLX_OP(" + std::to_string(op.at("number").get<int>()) + ", " + text_of(op, "name") + ", " +
           std::to_string(op.at("version").get<int>()) +
           (op.at("kind") == "composite" ? ", true" : ", false") +
           (op.at("in_image").get<bool>() ? ", false, " : ", true, ") + set + ")\n";
  }
  for (const Json& set : registry.at("sets")) {
    if (!functions.contains(set.at("name"))) continue;
    for (const Json& row : set.at("values"))
      out += "RLX_FN(" + text_of(set, "name") + ", " + std::to_string(row.at("number").get<int>()) + ", " +
             text_of(row, "name") + ")\n";
  }
  for (const Json& row : registry.at("attributes"))
    out += "RLX_ATTR(" + std::to_string(row.at("number").get<int>()) + ", " + text_of(row, "name") + ")\n";
  return out;
}

// ---- registry_table.inc
// ---------------------------------------------------------------------------------------------------------------

/// Name of the struct that `parameter` of a slot's signature points to: "rlx_open_in", or "none".
std::string struct_of(const std::string& signature, const std::string& parameter) {
  const std::size_t end = signature.find("* " + parameter);
  if (end == std::string::npos) return "none";
  const std::size_t begin = signature.find_last_of(" (", end - 1) + 1;
  const std::string type = signature.substr(begin, end - begin);
  return type == "void" ? "none" : type;
}

std::string slot_rows(const Json& table, const Json& offsets) {
  std::string out;
  for (const Json& slot : table.at("slots")) {
    const std::string name = slot.at("name"), signature = slot.at("signature");
    std::string errors;
    for (const Json& error : slot.at("errors"))
      errors += (errors.empty() ? "" : " | ") + std::string("1u << RLX_STATUS_") + error.get<std::string>();
    out += "RLX_SLOT(\"" + text_of(table, "id") + "\", " + name + ", " +
           std::to_string(offsets.at(name).get<int>()) + (slot.at("required").get<bool>() ? ", true" : ", false") +
           (signature.starts_with("int32_t") ? ", true, \"" : ", false, \"") + struct_of(signature, "in") +
           "\", \"" + struct_of(signature, "out") + "\", " + (errors.empty() ? "0" : errors) + ")\n";
  }
  return out;
}

/// `kind` of a struct as the table names it: "in" as kIn.
std::string kind_name(const std::string& kind) { return "k" + upper(kind.substr(0, 1)) + kind.substr(1); }

std::string struct_lines(const Json& row) {
  const std::string name = row.at("name"), kind = row.at("kind");
  const std::string size = std::to_string(row.at("size").get<int>());
  const bool grows = kind == "in" || kind == "out";
  std::string out = "RLX_STRUCT(" + name + ", " + kind_name(kind) + ", " + size + ", " +
                    (grows ? std::to_string(row.at("first_size").get<int>()) : size) + ")\n";
  for (const Json& field : row.at("fields"))
    out += "RLX_STRUCT_FIELD(" + name + ", " + text_of(field, "name") + ", " +
           std::to_string(field.at("offset").get<int>()) + ", " + std::to_string(field.at("size").get<int>()) +
           ", \"" + text_of(field, "may_be_null") + "\")\n";
  return out;
}

/// The set whose numbers an attribute holds, as its meaning says: "set pad"; "none".
std::string set_of(const Json& attribute) {
  const std::string meaning = text_of(attribute, "meaning");
  return meaning.starts_with("set ") ? meaning.substr(4) : "none";
}

std::string number_lines(const Json& registry) {
  std::string out;
  for (const Json& row : registry.at("dtypes"))
    out += "RLX_DTYPE_ROW(" + text_of(row, "name") + ", " + std::to_string(row.at("number").get<int>()) +
           (row.at("reserved").get<bool>() ? ", false)\n" : ", true)\n");
  for (const Json& row : registry.at("constants"))
    out += "RLX_CONSTANT_ROW(" + text_of(row, "name") + ", " + std::to_string(row.at("number").get<std::uint64_t>()) + "u)\n";
  std::set<std::string> sets = {"none"};
  for (const Json& set : registry.at("sets")) {
    sets.insert(text_of(set, "name"));
    for (const Json& row : set.at("values"))
      out += "RLX_NUMBER_ROW(" + text_of(set, "name") + ", " + text_of(row, "name") + ", " +
             std::to_string(row.at("number").get<int>()) + ")\n";
  }
  for (const Json& row : registry.at("attributes")) {
    if (!sets.contains(set_of(row))) refuse(text_of(row, "name") + " means " + text_of(row, "meaning") + ", which is no set");
    out += "RLX_ATTRIBUTE_ROW(" + text_of(row, "name") + ", " + std::to_string(row.at("number").get<int>()) + ", " + set_of(row) + ")\n";
  }
  for (const Json& op : registry.at("ops")) {
    if (!sets.contains(text_of(op, "functions"))) refuse(text_of(op, "name") + " has functions of an unknown set");
    out += "RLX_OP_ROW(" + text_of(op, "name") + ", " + std::to_string(op.at("number").get<int>()) +
           (op.at("status") == "defined" ? ", true, " : ", false, ") + (op.at("in_image").get<bool>() ? "true, " : "false, ") +
           text_of(op, "functions") + ")\n";
    for (const Json& name : op.at("attributes"))
      out += "RLX_OP_ATTRIBUTE(" + text_of(op, "name") + ", " + name.get<std::string>() + ")\n";
  }
  return out;
}

/// What the conformance tool sweeps, and what each check of it must answer for: structs, fields, slots, ops and numbers.
std::string conform_table(const Json& registry) {
  std::string out = std::string("// SPDX-License-Identifier: Apache-2.0\n// ") + kMade +
                    ": structs, their fields, slots of plugins, ops and numbers.\n";
  std::map<std::string, Json> offsets;
  for (const Json& row : registry.at("structs")) {
    for (const Json& field : row.at("fields")) offsets[text_of(row, "name")][text_of(field, "name")] = field.at("offset");
    out += struct_lines(row);
  }
  for (const Json& table : registry.at("interfaces"))
    if (table.at("side") == "plugin") out += slot_rows(table, offsets.at(table.at("struct")));
  return out + number_lines(registry);
}

// ---- docs/ops.md
// -------------------------------------------------------------------------------------------------------

std::string arrow(const Json& op) {
  const std::string operands = joined(op.at("operands"), "; "), results = joined(op.at("results"), "; ");
  return (operands.empty() ? "nothing" : operands) + " → " + results;
}

void op_prose(std::string& out, const Json& op) {
  out += "### " + text_of(op, "name") + " (" + std::to_string(op.at("number").get<int>()) + ", version " +
         std::to_string(op.at("version").get<int>()) + ")\n\n";
  out += text_of(op, "meaning") + "\n\n- " + arrow(op) + "\n";
  if (!op.at("attributes").empty()) out += "- attributes: `" + joined(op.at("attributes"), "`, `") + "`\n";
  for (const char* key : {"dtypes", "rounding", "nan", "index", "empty"})
    if (const std::string text = text_of(op, key); !text.empty())
      out += std::string("- ") + (key == std::string("nan") ? "NaN" : key) + ": " + text + "\n";
  if (!op.at("onnx").empty()) out += "- ONNX: " + joined(op.at("onnx"), ", ") + "\n";
  out += "\n";
}

std::string set_lines(const Json& registry) {
  std::string out = "## Sets of numbers\n\n";
  for (const Json& set : registry.at("sets")) {
    out += "- **" + text_of(set, "name") + "** (`" + text_of(set, "prefix") + "*`): ";
    std::string values;
    for (const Json& row : set.at("values")) {
      values += (values.empty() ? "" : ", ") + text_of(row, "name") + " " +
                std::to_string(row.at("number").get<int>());
      if (row.contains("meaning")) values += " = " + text_of(row, "meaning");
    }
    out += values + "\n";
  }
  out += "\n## Attributes\n\n| key | number | type | meaning |\n|---|---|---|---|\n";
  for (const Json& row : registry.at("attributes"))
    out += "| `" + text_of(row, "name") + "` | " + std::to_string(row.at("number").get<int>()) + " | " +
           text_of(row, "type") + " | " + text_of(row, "meaning") + " |\n";
  return out;
}

std::string onnx_index(const Json& registry) {
  std::map<std::string, bool> refused;
  for (const Json& name : registry.at("onnx_not_imported")) refused[name] = true;
  std::map<std::string, std::string> rows;
  for (const Json& op : registry.at("ops"))
    for (const Json& name : op.at("onnx")) {
      std::string& place = rows[name];
      place += (place.empty() ? "`" : ", `") + text_of(op, "name") + "`";
      if (text_of(op, "status") == "reserved" && !refused.contains(name)) place += " (reserved; written with other ops)";
    }
  for (const auto& [name, is] : refused)
    if (!rows.contains(name)) refuse("onnx_not_imported names " + name + ", which no op lists");
  std::string out =
      "\n## ONNX operators and the op they end in\n\nAlone or with other ops of this page. A reserved op "
      "cannot be computed yet; what is imported all the same is written with other ops. Where an operator is marked \"no\" the op is where it would go: the importer refuses "
      "it with RLX-E0701. " +
      std::to_string(rows.size() - refused.size()) + " of " + std::to_string(rows.size()) +
      " are imported.\n\n| ONNX | op | imported |\n|---|---|---|\n";
  for (const auto& [name, ops] : rows) out += "| " + name + " | " + ops + " | " + (refused.contains(name) ? "no" : "yes") + " |\n";
  return out;
}

// What one backend was found to do with one op: "f32, f64; not tested: f16".
std::string tested_cell(const Json& ops, const std::string& op) {
  if (!ops.contains(op)) return "not claimed";
  std::string out;
  const std::pair<const char*, const char*> kStates[] = {{"passed", ""}, {"failed", "**failed**: "}, {"untested", "not tested: "}};
  for (const auto& [state, words] : kStates)
    if (ops.at(op).contains(state)) out += (out.empty() ? "" : "; ") + std::string(words) + joined(ops.at(op).at(state), ", ");
  return out;
}

std::string tested_table(const Json& registry, const Json& tested) {
  std::string out =
      "\n## What was tested\n\nOf every op the dtypes that a backend claims. A dtype stands alone where operands or results of it were "
      "met in numeric cases of `rlx conform`, and every such case lay within the error bounds of the float64 reference; else the cell "
      "says so. `C0` is the small backend of `tools/conform/faulty`. Measured, and written by `tools/conform/tested.py`.\n\n";
  std::string head = "| op |", line = "|---|";
  for (const Json& one : tested.at("backends")) {
    out += "- " + text_of(one, "name") + ": " + text_of(one, "plugin") + " " + text_of(one, "version") + ", profile " + text_of(one, "profile") + ", " +
           text_of(one, "date") + ": " + text_of(one, "verdict") + ", level " + std::to_string(one.at("level").get<int>()) + ", " +
           std::to_string(one.at("cases").get<int>()) + " cases; " + std::to_string(one.at("passed").get<int>()) + " of " +
           std::to_string(one.at("claimed").get<int>()) + " claimed pairs of op and dtype passed\n";
    head += " " + text_of(one, "name") + " |";
    line += "---|";
    for (const auto& [op, states] : one.at("ops").items()) {
      const auto is_op = [&name = op](const Json& row) { return row.at("name") == name; };
      if (std::none_of(registry.at("ops").begin(), registry.at("ops").end(), is_op)) refuse("tested.json names " + op + ", which is no op");
    }
  }
  out += "\n" + head + "\n" + line + "\n";
  for (const Json& op : registry.at("ops")) {
    out += "| `" + text_of(op, "name") + "` |";
    for (const Json& one : tested.at("backends"))
      out += " " + (op.at("status") == "reserved" ? std::string("reserved") : tested_cell(one.at("ops"), text_of(op, "name"))) + " |";
    out += "\n";
  }
  return out;
}

std::string ops_page(const Json& registry) {
  std::string out =
      std::string("<!-- SPDX-License-Identifier: Apache-2.0 -->\n<!-- ") + kMade + ". -->\n# Operations\n\n";
  out +=
      "A primitive is computed; a composite carries its expansion into primitives as a region, so a backend "
      "runs it either way. "
      "Axes are non-negative; dims may be 0 everywhere; no op has undefined behaviour on any value.\n\n";
  out += "Dtypes (bytes per element): ";
  std::string names;
  for (const Json& row : registry.at("dtypes"))
    if (!row.at("reserved").get<bool>() && row.at("block_bytes").get<int>() > 0)
      names += (names.empty() ? "" : ", ") + text_of(row, "name") + " " +
               std::to_string(row.at("block_bytes").get<int>());
  out += names + ".\n\n";
  for (const char* kind : {"primitive", "composite"}) {
    out += kind == std::string("primitive") ? "## Primitives\n\n" : "## Composites\n\n";
    for (const Json& op : registry.at("ops"))
      if (op.at("kind") == kind && op.at("status") == "defined") op_prose(out, op);
  }
  out += "## Reserved composites\n\nNumbers that are taken; no version of them is defined.\n\n";
  for (const Json& op : registry.at("ops"))
    if (op.at("status") == "reserved") {
      out += "- `" + text_of(op, "name") + "` (" + std::to_string(op.at("number").get<int>()) +
             "): " + text_of(op, "meaning");
      out += op.at("onnx").empty() ? "\n" : " ONNX: " + joined(op.at("onnx"), ", ") + ".\n";
    }
  return out + "\n" + set_lines(registry) + onnx_index(registry);
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) refuse("cannot write " + path.string());
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) refuse("usage: rlx_registry REGISTRY ROOT");
  std::ifstream file(arguments[1]);
  const Json registry = Json::parse(file);
  check(registry);
  const std::filesystem::path root = arguments[2];
  write(root / "plugin_api/check/layout.inc", layout(registry));
  write(root / "runtime/ir/op_table.inc", op_table(registry));
  write(root / "tools/conform/shared/registry_table.inc", conform_table(registry));
  std::ifstream tested(std::filesystem::path(arguments[1]).parent_path() / "tested.json");
  write(root / "docs/ops.md", ops_page(registry) + (tested ? tested_table(registry, Json::parse(tested)) : ""));
  return 0;
} catch (const std::exception& exception) {
  std::cerr << "rlx_registry: " << exception.what() << "\n";
  return 1;
}
