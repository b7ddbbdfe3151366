#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rlx bench as a person runs it: figures that fit together, peers that are there, missing, or broken.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
block=$source/tests/fixtures/onnx/decoder_block.onnx
bench() { "$rlx" bench "$block" --bind batch=1 --bind seq=4,9 --seconds 0.05 "$@"; }

expect 0 '^cold start [0-9.]+ ms: load' bench
expect 0 '^batch=1,seq=9 +[0-9.]+' bench
refuse $'\r' bench
bench --json >"$work/bench.json" || failures=1
expect 0 'all as wanted' python3 - "$work/bench.json" <<'PY'
import json, statistics, sys
document = json.load(open(sys.argv[1]))
assert document["schema"] == "rlx.bench/1" and document["device"] == "cpu:0"
cold = document["cold_start"]
assert abs(cold["sum_ms"] - sum(cold[k] for k in ("load_ms", "device_ms", "template_ms", "compile_ms", "first_run_ms"))) < 1e-6
assert [shape["binding"]["seq"] for shape in document["shapes"]] == [4, 9]
for shape in document["shapes"]:
    assert 0 < shape["min_ms"] <= shape["p50_ms"] <= shape["p90_ms"] <= shape["p99_ms"], shape
    assert len(shape["round_ms"]) == 5 and shape["runs"] >= 5 and shape["runs_per_second"] > 0
    assert shape["runs_per_second"] <= 1000 / shape["min_ms"] * 1.01
print("all as wanted")
PY

# A stand-in for an interpreter with a peer that always takes 1000 s: the ratio is of the rounds, and large.
cat >"$work/python" <<'PY'
#!/usr/bin/env python3
import json, sys
print(json.dumps({"version": "7.7", "load_ms": 12}), flush=True)
for line in sys.stdin:
    open(json.loads(line)["inputs"], "rb").read()
    print(json.dumps({"run_ms": [1e6]}), flush=True)
PY
chmod +x "$work/python"
expect 0 'beside openvino 7\.7 \(load 12 ms\), 5 interleaved rounds' bench --against openvino --python "$work/python"
expect 0 'openvino 1000000\.000 ms: [0-9]{4,}\.[0-9]+x as fast \([0-9.]+ to [0-9.]+ at 94 %\)' bench --against openvino --python "$work/python"
expect 1 'onnxruntime: not measured; .*cannot start `/nowhere/python`' bench --against onnxruntime --python /nowhere/python
expect 1 'openvino: not measured; .*ended without an answer' bench --against openvino --python /bin/true
printf '#!/bin/sh\necho nonsense\n' >"$work/talker" && chmod +x "$work/talker"
expect 1 'openvino: not measured; .*does not answer' bench --against openvino --python "$work/talker"
printf '#!/bin/sh\necho "{}"\nread -r line\necho "{\\"error\\": \\"no such op\\"}"\n' >"$work/refuser" && chmod +x "$work/refuser"
expect 1 'openvino: not measured; .*no such op' bench --against openvino --python "$work/refuser"
expect 1 '^batch=1,seq=9 +[0-9.]+' bench --against openvino --python "$work/refuser"
expect 2 'no peer `onnxruntim`; did you mean `onnxruntime`' bench --against onnxruntim

# The real peers, where an interpreter has them.
for python in ${RLX_PEER_PYTHON:-python3}; do
  if "$python" -c 'import numpy, onnxruntime' 2>/dev/null; then
    expect 0 'beside onnxruntime [0-9]' bench --against onnxruntime --python "$python"
  fi
done

# On a terminal there is a bar, and it goes.
if command -v script >/dev/null; then
  expect 0 '\[#* *\] +[0-9]+ % batch=1,seq=4' script -qec "$rlx bench $block --bind batch=1 --bind seq=4 --seconds 0.05" /dev/null
fi

expect 2 '--seconds: wanted more than 0' "$rlx" bench "$block" --seconds 0
expect 2 '--rounds: wanted' bench --rounds 0
expect 2 'no input `xx`; did you mean `x`' bench --fill xx=0:1
expect 2 'no option `--second`; did you mean `--seconds`' bench --second 1
expect 1 'RLX-E0101' "$rlx" bench nowhere.onnx
expect 0 'Exit code: 0 measured' "$rlx" bench --help
printf 'graph "two" {\n  param %%1 "w" f32[4, 4]\n  input %%0 "x" f32[3, 4]\n  %%2 = binary(%%0, %%0){fn=1} : f32[3, 4]\n  output "y" %%2\n}\n' >"$work/two.ir"
expect 0 'no symbols' "$rlx" bench "$work/two.ir" --seconds 0.02
finish
