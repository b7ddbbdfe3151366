#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the backend in Rust: the contract is made from the registry, then one call of rustc.
# usage: build.sh REGISTRY OUT_FOLDER    (REGISTRY: share/rlx/rlx.json of the installed package)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
python3 "$here/make_abi.py" "$1" >"$2/abi.rs"
out=$(cd "$2" && pwd)
RLX_ABI_RS=$out/abi.rs rustc --edition 2021 --crate-type cdylib --crate-name rusty -O -D warnings "$here/src/lib.rs" -o "$out/rusty.so"
