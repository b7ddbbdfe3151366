#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rlx check as a person runs it: what it says before anything runs, and its exit codes.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
cases=$source/tests/fixtures/onnx

expect 0 '^cpu:0 \(org\.rlx\.cpu .*\): runs' "$rlx" check "$cases/cnn.onnx"
expect 0 'native, 0 expanded, 0 unsupported, 0 copies: .*conv_act' "$rlx" check "$cases/cnn.onnx" --device cpu
expect 0 'peak .*: weights 756 B, packed not known' "$rlx" check "$cases/cnn.onnx"
refuse 'packed not known' "$rlx" check "$cases/cnn.onnx" --pack
expect 0 'symbol batch = 1 \(its least; --bind batch=N' "$rlx" check "$cases/cnn.onnx"
refuse 'its least' "$rlx" check "$cases/cnn.onnx" --bind batch=2
expect 0 '^  batch=5,seq=7' "$rlx" check "$cases/decoder_block.onnx" --bind batch=2,5 --bind seq=3,7
expect 0 '^  batch=2,seq=9' "$rlx" check "$cases/decoder_block.onnx" --bind batch=2 --shape seq=9
expect 0 'nobody reads the values of input z' "$rlx" check "$cases/unread_input.onnx"
expect 0 'constraint w_dim1 == 4' "$rlx" check "$cases/odd_symbols.onnx" --bind w_dim1=4
expect 1 'does not run' "$rlx" check "$cases/odd_symbols.onnx" --bind w_dim1=5
expect 1 'RLX-E0213.*w_dim1' "$rlx" check "$cases/odd_symbols.onnx" --bind w_dim1=5
expect 1 'RLX-E0701.*3 operators' "$rlx" check "$cases/unsupported.onnx"
expect 1 'RLX-E0401' "$rlx" check "$cases/cnn.onnx" --device warp
expect 1 'no symbol `bach`.*did you mean `batch`' "$rlx" check "$cases/cnn.onnx" --bind bach=2

# A second backend: `all` asks both; a text model needs no importer and no weights.
expect 0 '^reference:0 .*: runs' "$rlx" check "$cases/norms.onnx" --plugins "$build/lib/rlx/tools"
printf 'graph "two" {\n  symbol n 1..9\n  input %%0 "x" f32[n]\n  %%1 = unary(%%0){fn=1} : f32[n]\n  output "y" %%1\n}\n' >"$work/two.ir"
expect 0 'symbol n: 1 to 9' "$rlx" check "$work/two.ir" --bind n=3
expect 1 'RLX-E0212.*10.*1 to 9' "$rlx" check "$work/two.ir" --bind n=10

# JSON: one document, named schema, numbers as numbers.
expect 0 '"schema": "rlx.check/1"' "$rlx" check "$cases/cnn.onnx" --json
"$rlx" check "$cases/cnn.onnx" --json --pack >"$work/check.json"
expect 0 'all as wanted' python3 - "$work/check.json" <<'PY'
import json, sys
document = json.load(open(sys.argv[1]))
device = document["devices"][0]
memory = device["shapes"][0]["memory"]
assert device["runs"] is True and device["device"] == "cpu:0", device
assert memory["weight_bytes"] == 756, memory
parts = ("weight_bytes", "packed_bytes", "arena_bytes", "input_bytes", "output_bytes", "code_bytes")
assert memory["peak_bytes"] == sum(memory[part] for part in parts), memory
assert sum(device["shapes"][0]["ops"].values()) == device["shapes"][0]["dispatch"]["native"]
print("all as wanted")
PY

# Memory: what does not fit is said here as it is by run, with and without a budget, and quickly.
expect 1 'RLX-E0503: batch=100000000000,seq=4 does not fit: it needs .* TiB .* of memory are available' "$rlx" check "$cases/decoder_block.onnx" -b batch=100000000000 -b seq=4
expect 1 'RLX-E0503: batch=100000000000,seq=4 does not fit' timeout 20 "$rlx" run "$cases/decoder_block.onnx" -b batch=100000000000 -b seq=4
expect 1 'RLX-E0503.*the memory budget is 1.0 MiB' "$rlx" check "$cases/decoder_block.onnx" -b batch=1000 -b seq=64 --memory-budget 1
expect 0 ': runs$' "$rlx" check "$cases/decoder_block.onnx" -b batch=1000 -b seq=64 --memory-budget 10000

# Open symbols keep the constraints.
printf 'graph "wide" {\n  symbol h 1..512\n  symbol w 1..512\n  input %%0 "x" f32[h, w]\n  %%1 = unary(%%0){fn=1} : f32[h, w]\n  output "y" %%1\n  require h >= 2 "rows"\n  require w == 2*h + 1 "columns"\n}\n' >"$work/wide.ir"
expect 0 '^  h=2,w=5$' "$rlx" check "$work/wide.ir"
expect 0 'symbol w = 5 \(the least that keeps the constraints; --bind w=N changes it\)' "$rlx" check "$work/wide.ir"
expect 0 '^  h=3,w=7$' "$rlx" check "$work/wide.ir" --bind h=3
expect 0 'bound h=2 w=5' "$rlx" run "$work/wide.ir"
expect 1 'RLX-E0213' "$rlx" check "$work/wide.ir" --bind h=1

# One impossible shape hides no other, and the model is described whatever device is asked about.
expect 1 ': runs at 1 of 2 shapes' "$rlx" check "$work/two.ir" --bind n=10,3
expect 1 '^    does not run: RLX-E0212.*10.*1 to 9' "$rlx" check "$work/two.ir" --bind n=10,3
expect 1 '^    memory   peak' "$rlx" check "$work/two.ir" --bind n=10,3
expect 1 'input x' "$rlx" check "$work/two.ir" --device warp
refuse 'params 0$' "$rlx" check "$cases/cnn.onnx" --device warp

# The command line itself.
expect 2 'out of range' "$rlx" check "$cases/cnn.onnx" --bind batch=99999999999999999999
expect 2 '`-5`: wanted 0 or more' "$rlx" check "$cases/cnn.onnx" --memory-budget -5
expect 0 '^  batch=2' "$rlx" check "$cases/cnn.onnx" --shapes batch=2
expect 2 'no option `--bnd`; did you mean `--bind`' "$rlx" check "$cases/cnn.onnx" --bnd batch=1
expect 2 'no option `--dev`' "$rlx" check "$cases/cnn.onnx" --dev cpu
expect 2 'MODEL is missing' "$rlx" check
expect 2 'one argument too many: `again`' "$rlx" check "$cases/cnn.onnx" again
expect 2 'wanted an integer' "$rlx" check "$cases/cnn.onnx" --bind batch=2,x
expect 2 'given twice' "$rlx" check "$cases/cnn.onnx" --bind batch=2 --bind batch=3
expect 2 'batch has a size already' "$rlx" check "$cases/cnn.onnx" --bind batch=2 --shape batch=3
expect 2 'no command `chekc`; did you mean `check`' "$rlx" chekc
expect 0 '^Exit code: 0 it runs' "$rlx" check --help
finish
