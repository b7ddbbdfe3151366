#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rlx as a person runs it: exit codes, messages, files in and out.
. "$(dirname "$0")/lib.sh"
need_model
rlx=$build/bin/rlx

expect 0 'Usage: rlx' "$rlx" --help
expect 2 'Usage: rlx' "$rlx"
expect 2 'no command `runn`' "$rlx" runn
expect 0 'one symbol has two sizes' "$rlx" explain RLX-E0211
expect 1 'no error code' "$rlx" explain RLX-E9999
expect 0 '^ok .*rlx_cpu.so' "$rlx" plugins
expect 0 'cpu:0' "$rlx" plugins
expect 0 '^not loaded .*rlx_cpu.so' "$rlx" plugins --no-load
expect 0 'ABI 0\.1' "$rlx" plugins
expect 0 'rlx.plugins/1' "$rlx" plugins --json
expect 1 'no plugin offers device kind `warp`' "$rlx" plugins why warp
expect 0 'cpu:0 works' "$rlx" plugins why cpu

# A library that is no plugin is not loaded; another broken file hides nothing.
mkdir "$work/plugins"
cp "$build/lib/rlx/plugins/rlx_cpu.so" "$work/plugins/"
cp "$(ldconfig -p | awk '/libm\.so\.6/ {print $NF; exit}')" "$work/plugins/libm.so"
echo "no library" >"$work/plugins/text.so"
expect 0 'no plugin descriptor' "$rlx" plugins --plugins "$work/plugins" --only-plugins
expect 0 'cpu:0' "$rlx" plugins --plugins "$work/plugins" --only-plugins

# A plugin that is asked for and not there is an error, whatever else was found.
expect 2 '--plugins `/nonexistent`: no such file or folder' "$rlx" plugins --plugins "$work/plugins" --plugins /nonexistent
expect 2 '--plugins `/nonexistent`' "$rlx" run "$model/model.onnx" --plugins=/nonexistent
expect 0 '^Usage' "$rlx" run --plugins /nonexistent --help

# The ONNX graph: one changed id changes the output, the same seed gives the same bytes.
run() { "$rlx" run "$model/model.onnx" --bind batch=1 --bind seq=8 "$@"; }
expect 0 'last_hidden_state f32\[1, 8, 384\]' run
expect 0 'random, integers 0 to 1, seed 1' run
run --fill input_ids=100:100 --fill attention_mask=1:1 --output "$work/a.npz" >/dev/null
run --fill input_ids=100:100 --fill attention_mask=1:1 --output "$work/b.npz" >/dev/null
run --fill input_ids=101:101 --fill attention_mask=1:1 --output "$work/c.npz" >/dev/null
cmp -s "$work/a.npz" "$work/b.npz" || { echo "FAILED: two equal runs differ"; failures=1; }
run --fill input_ids=100:100 --fill attention_mask=1:1 --buckets seq=32 --output "$work/d.npz" >/dev/null
cmp -s "$work/a.npz" "$work/d.npz" || { echo "FAILED: padded to 32 the run differs"; failures=1; }
expect 0 '^buckets: 2 runs, 2 in batch=1 seq=16; 50.0 % of what ran was padding' run --buckets seq=16..64 --buckets batch=1 --repeat 2
expect 0 '"by_bucket"' run --buckets seq=16 --serve-larger --json
expect 1 'RLX-E0212.*`seq` is 8.*ladder is 4' run --buckets seq=2,4
expect 1 'RLX-E0213.*1024.*at most 512' run --buckets seq=16..1024
expect 2 '--buckets seq `512\.\.16`: from 512 down to 16' run --buckets seq=512..16
expect 1 'RLX-E0607.*30522' run --fill input_ids=40000:40000 --buckets seq=16
expect 2 '--buckets' run --serve-larger
! cmp -s "$work/a.npz" "$work/c.npz" || { echo "FAILED: other ids give the same output"; failures=1; }
expect 1 'RLX-E0601|RLX-E0602|no input `last_hidden_state`' "$rlx" run "$model/model.onnx" --input "$work/a.npz" --bind batch=1 --bind seq=8
expect 1 'RLX-E0607.*30522' run --fill input_ids=40000:40000
expect 1 'RLX-E021[0-9].*512' "$rlx" run "$model/model.onnx" --bind batch=1 --bind seq=600
expect 1 'no symbol `sq`.*did you mean `seq`' "$rlx" run "$model/model.onnx" --bind sq=3
expect 1 'RLX-E0101.*nowhere.onnx' "$rlx" run nowhere.onnx
expect 2 'wanted NAME=VALUE' run --bind batch
expect 2 'wanted an integer' run --bind seq=many
expect 0 'rlx.run/1' run --json
expect 0 '^cache: 0 hits, 1 misses: 1 new-template; 1 compiles' run --stats
expect 0 '^memory: .* held: weights 86.1 MiB, packed' run --stats
expect 0 'ops: 54 native' run --stats
expect 1 'RLX-E0503: the memory budget of 60.0 MiB does not hold .*weights 86.1 MiB.*drop' run --memory-budget 60
expect 0 'budget 500 MiB' run --memory-budget 500 --stats
expect 0 '"miss_reasons"' run --json
expect 0 'rlx.explain/1' "$rlx" explain RLX-E0211 --json
expect 0 '"works": true' "$rlx" plugins why cpu --json
expect 1 '"works": false' "$rlx" plugins why warp --json
expect 2 'no option `--repat`; did you mean `--repeat`' run --repat 3
for command in plugins run check inspect bench explain; do expect 0 '^Usage: rlx' "$rlx" "$command" --help; done
expect 0 'input input_ids: i64\[batch, seq\]' "$rlx" inspect "$model/model.onnx" --manifest
expect 0 'native' "$rlx" inspect "$model/model.onnx" --dispatch --bind batch=1 --bind seq=8
expect 0 'softmax|attention' "$rlx" inspect "$model/model.onnx" --stage mir
expect 1 'no stage `mirr`.*did you mean `mir`' "$rlx" inspect "$model/model.onnx" --stage mirr

# Messages name what is wrong and what is wanted.
expect 2 'did you mean `--output`' run --out "$work/z.npz"
expect 2 'out of range' "$rlx" run "$model/model.onnx" --bind batch=99999999999999999999
expect 2 '`-5`: wanted 0 or more' run --memory-budget -5
expect 2 'not a range of i64, wanted -9.22337' run --fill input_ids=0:1e300
refuse 'execute: execute' run --fill input_ids=40000:40000
python3 - "$work" "$rlx" <<'PY'
import sys, zipfile, struct
def npy(descr, shape, data):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data
def npz(name, descr, shape, data):
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}.npz", "w") as file: file.writestr("input_ids.npy", npy(descr, shape, data))
npz("rank1", "<i8", (14,), bytes(8 * 14))
npz("big", ">i8", (1, 2), bytes(16))
open(f"{sys.argv[1]}/one.npy", "wb").write(npy("<i8", (1, 2), bytes(16)))
open(f"{sys.argv[1]}/cut.npz", "wb").write(open(f"{sys.argv[1]}/rank1.npz", "rb").read()[:100])
open(f"{sys.argv[1]}/empty.npz", "wb")
open(f"{sys.argv[1]}/text.npz", "w").write("no archive")
PY
expect 1 'input_ids` is \[14\], wanted \[batch, seq\]' "$rlx" run "$model/model.onnx" --input "$work/rank1.npz"
expect 1 "dtype '>i8' is not one of .*<i8" "$rlx" run "$model/model.onnx" --input "$work/big.npz"
expect 1 'one.npy`: is one .npy array' "$rlx" run "$model/model.onnx" --input "$work/one.npy"
expect 1 'cut.npz`: is cut short or damaged' "$rlx" run "$model/model.onnx" --input "$work/cut.npz"
expect 1 'empty.npz`: is empty' "$rlx" run "$model/model.onnx" --input "$work/empty.npz"
expect 1 'text.npz`: is no .npz archive' "$rlx" run "$model/model.onnx" --input "$work/text.npz"
expect 1 'RLX-E0102.*is a folder' "$rlx" run "$model/model.onnx" --input "$work"
expect 1 'RLX-E0101.*no such file' "$rlx" run "$model/model.onnx" --input "$work/nowhere.npz"
echo "# a page" >"$work/x.md"
expect 1 'named .ir, .hir or .mir' "$rlx" run "$work/x.md"

# Outputs of any dtype are shown; the cache's folder lists shapes as a person writes them.
printf 'graph "halves" {\n  input %%0 "x" f32[3]\n  %%1 = cast(%%0){to=:f16} : f16[3]\n  %%2 = cast(%%0){to=:i32} : i32[3]\n  output "h" %%1\n  output "i" %%2\n}\n' >"$work/halves.ir"
expect 0 '^output h f16\[3\]: -4 -4 -4$' "$rlx" run "$work/halves.ir" --fill x=-4:-4
expect 0 '^output i i32\[3\]: -4 -4 -4$' "$rlx" run "$work/halves.ir" --fill x=-4:-4
expect 0 'written' "$rlx" compile "$model/model.onnx" --cache "$work/cache" --shape batch=2,seq=8
expect 0 ' batch=2 seq=8$' "$rlx" cache ls --folder "$work/cache"
expect 0 'rlx: warning: variant [0-9a-f]* of `halves.ir` is not kept: .*Not a directory' "$rlx" run "$work/halves.ir" --cache "$work/halves.ir/cache"
expect 0 'cache folder: not there \(absent\); could not be written: variant .*Not a directory' "$rlx" run "$work/halves.ir" --cache "$work/halves.ir/cache" --stats
refuse 'warning' "$rlx" run "$work/halves.ir" --cache "$work/halves"
expect 2 '--repeat `0`: wanted 1' "$rlx" run "$work/halves.ir" --repeat 0
expect 0 'weights of `model.onnx` on cpu:0' run --stats
expect 2 'no peer `tensorrt`' "$rlx" bench nowhere.onnx --against tensorrt

# A truncated model, and one whose weights are gone.
mkdir "$work/onnx"
head -c 20000 "$model/model.onnx" >"$work/onnx/model.onnx"
expect 1 'RLX-E0703|RLX-E0104' "$rlx" run "$work/onnx/model.onnx"
cp "$model/model.onnx" "$work/onnx/"
expect 1 'RLX-E0101.*model.safetensors' "$rlx" run "$work/onnx/model.onnx"
ln -s "$model/model.safetensors" "$work/onnx/model.safetensors"
expect 1 'RLX-E0704' "$rlx" run "$work/onnx/model.onnx"
finish
