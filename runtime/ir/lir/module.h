// SPDX-License-Identifier: Apache-2.0
// LIR in memory: what an image holds, as plain data. Sizes are Dims: with symbols open it is what a template keeps per
// support verdict; with numbers only ("bound") it is what write_image turns into bytes and read_image gives back.
#pragma once

#include <rlx/lir.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/hash.h"
#include "runtime/ir/graph.h"

namespace rlx::lir {

/// Where a value's bytes are. Numbers are RLX_LIR_STORAGE_*.
enum class Storage : std::uint32_t { kTemp = 0, kInput = 1, kOutput = 2, kParam = 3, kConstant = 4, kView = 5, kRegion = 6 };

struct Value {
  DType dtype = DType::kNone;
  Dims dims;
  std::optional<Dims> strides;  ///< in elements; present exactly where storage is kView
  Storage storage = Storage::kTemp;
  std::uint32_t index = 0;      ///< input, output, param, constant, or the view's root value
  Dim byte_offset = 0;          ///< views: of element [0,..,0] in the root
  std::string name;             ///< debug only, never in the image
};

struct Op {
  std::string ns;
  Opcode opcode = 0;
  std::uint32_t version = 1;
  std::vector<std::uint32_t> operands;  ///< values, or RLX_NO_INDEX
  std::vector<std::uint32_t> results;
  Attributes attributes;
  std::vector<std::uint32_t> regions;
  std::string name;  ///< debug section
};

/// Region 0 is the main graph: its params and results are empty lists (inputs/outputs tables say them).
struct Region {
  std::uint32_t first_op = 0;
  std::uint32_t op_count = 0;
  std::vector<std::uint32_t> params;
  std::vector<std::uint32_t> results;
};

struct ParamRef {
  std::string name;
  std::uint32_t set_index = 0;
  DType dtype = DType::kNone;
  Dims dims;
  bool owned = false;
  std::uint32_t value = 0;
};

struct Io {
  std::string name;
  std::uint32_t value = 0;
};

struct StatePair {
  std::uint32_t input = 0;
  std::uint32_t output = 0;
};

/// Elements of `value` at or past the number in `size_value` (an i64 scalar) along `axis` are unspecified.
struct Extent {
  std::uint32_t value = 0;
  std::uint32_t axis = 0;
  std::uint32_t size_value = 0;
};

struct Arena {
  std::uint64_t bytes = 0;
  std::uint32_t alignment = 64;
  std::uint32_t space = 0;
};

struct Place {
  std::uint32_t arena = RLX_NO_INDEX;
  std::uint64_t offset = 0;
};

/// An i64 scalar constant whose number is a size of the binding: a size as data.
struct OpenConstant {
  std::uint32_t constant = 0;  ///< of Module::constants; 8 bytes
  Dim size = 0;
};

struct Plan {
  std::vector<Arena> arenas;
  std::vector<Place> places;  ///< one per value
};

struct Module {
  std::vector<Value> values;
  std::vector<Op> ops;          ///< region by region; region 0's first, in schedule order
  std::vector<Region> regions;  ///< at least region 0
  std::vector<std::vector<std::byte>> constants;
  std::vector<OpenConstant> open_constants;  ///< ascending; bind() turns them into bytes
  std::vector<ParamRef> params;
  std::vector<Io> inputs;
  std::vector<Io> outputs;
  std::vector<StatePair> states;
  std::uint32_t arena_alignment = 64;  ///< for planning; the image has it in the plan
  std::optional<Plan> plan;
  Hash128 template_hash;
  std::vector<Extent> extents;
};

/// True where every dim, stride, offset and attribute is a number.
bool is_bound(const Module& module);
/// Every symbol replaced by its size. Call it as lir::bind, or argument lookup finds std::bind too. Errors: kUnboundSymbol, kConstraintViolated (a negative or overflowing size).
Result<Module> bind(const Module& module, const DimBinding& binding);

}  // namespace rlx::lir
