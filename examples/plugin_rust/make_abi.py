#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The contract in Rust, made from the registry alone: no C header is read. usage: make_abi.py rlx.json >abi.rs"""
import json
import re
import sys

PLAIN = {"uint8_t": "u8", "uint32_t": "u32", "uint64_t": "u64", "int32_t": "i32", "int64_t": "i64", "char": "u8", "void": "c_void"}
OPAQUE = ("rlx_plugin", "rlx_device", "rlx_buffer", "rlx_param_set", "rlx_executable", "rlx_context")


def word(name):
    return "r#type" if name == "type" else name


def split(arguments):
    parts, depth, start = [], 0, 0
    for at, c in enumerate(arguments):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(arguments[start:at])
            start = at + 1
    return [part.strip() for part in parts + [arguments[start:]] if part.strip()]


def function(text):
    result, arguments = re.fullmatch(r"(.*?)\s*\(\*\w*\)\((.*)\)", text).groups()
    inner = []
    for argument in split(arguments):
        inner.append(function(argument) if "(*" in argument else rust(re.sub(r"\s*\b\w+$", "", argument)))
    back = "" if result == "void" else f" -> {rust(result)}"
    return f"Option<unsafe extern \"C\" fn({', '.join(inner)}){back}>"


def rust(text, numbers={}):
    text = text.strip()
    if "(*" in text:
        return function(text)
    if text.endswith("]"):
        base, sizes = re.fullmatch(r"(\w+)((?:\[\w+\])+)", text).groups()
        out = rust(base)
        for size in reversed(re.findall(r"\[(\w+)\]", sizes)):
            out = f"[{out}; {numbers.get(size, size)}]"
        return out
    if text.endswith("*"):
        inner = text[:-1].strip()
        const = inner.startswith("const ")
        return ("*const " if const else "*mut ") + rust(inner.removeprefix("const "))
    return PLAIN.get(text, text)


def main():
    registry = json.load(open(sys.argv[1]))
    numbers = {row["name"]: row["number"] for row in registry["constants"]}
    print("// SPDX-License-Identifier: Apache-2.0")
    print("// Made by make_abi.py from the registry (rlx.json). Do not edit: structs with their sizes and offsets, and numbers.")
    print("use std::ffi::c_void;\nuse std::mem::{offset_of, size_of};\n")
    print(f"use crate::{{{', '.join(OPAQUE)}}};\n")
    for row in registry["structs"]:
        fields = row["fields"]
        print(f"#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {row['name']} {{")
        for field in fields:
            print(f"    pub {word(field['name'])}: {rust(field['type'], numbers)},")
        print("}")
        print(f"const _: () = assert!(size_of::<{row['name']}>() == {row['size']});")
        for field in fields:
            print(f"const _: () = assert!(offset_of!({row['name']}, {word(field['name'])}) == {field['offset']});")
    for kind, prefix, wide in (("constants", "", ""), ("statuses", "RLX_STATUS_", "i32"), ("dtypes", "RLX_DTYPE_", "u32"),
                               ("ops", "RLX_OP_", "u32"), ("attributes", "RLX_ATTR_", "u32")):
        for row in registry[kind]:
            width = wide or ("u32" if row["number"] < 2**32 else "u64")
            print(f"pub const {prefix}{row['name'].upper()}: {width} = {row['number']};")
    for group in registry["sets"]:
        for row in group["values"]:
            print(f"pub const {group['prefix']}{row['name'].upper()}: u32 = {row['number']};")


main()
