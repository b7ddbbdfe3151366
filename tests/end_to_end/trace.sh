#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --trace as a person uses it: a file that trace viewers read, with what happened in it.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
block=$source/tests/fixtures/onnx/decoder_block.onnx

expect 0 'slices written to .*run.json' "$rlx" run "$block" --bind batch=2 --bind seq=7 --repeat 4 --trace "$work/run.json"
expect 0 'slices written to' "$rlx" bench "$block" --bind batch=2 --bind seq=7 --seconds 0.05 --trace "$work/bench.json"
refuse 'slices written' "$rlx" run "$block" --bind batch=2 --bind seq=7 --json --trace "$work/quiet.json"
expect 1 'RLX-E0103' "$rlx" run "$block" --bind batch=2 --bind seq=7 --trace "$work/nowhere/run.json"
expect 0 'all as wanted' python3 - "$work/run.json" "$work/bench.json" <<'PY'
import json, sys

def check(path, least_runs):
    events = json.load(open(path))["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    names = [slice["name"] for slice in slices]
    assert names.count("run") >= least_runs, names
    for wanted in ("load decoder_block.onnx", "discover plugins", "fuse_linear", "specialize", "compile_lir", "prepare weights"):
        assert wanted in names, wanted
    ops = [slice for slice in slices if slice["cat"] == "op"]
    runs = [slice for slice in slices if slice["name"] == "run"]
    assert ops and all(any(run["ts"] <= op["ts"] and op["ts"] + op["dur"] <= run["ts"] + run["dur"] + 1e-3 for run in runs) for op in ops)
    assert len({(op["name"], op["args"]["op"]) for op in ops}) >= 10, "the model has more kinds of work"
    for track in {slice["tid"] for slice in slices}:
        open_ends = []
        for slice in (s for s in slices if s["tid"] == track):
            begin, end = slice["ts"], slice["ts"] + slice["dur"]
            while open_ends and open_ends[-1] <= begin + 1e-6:
                open_ends.pop()
            assert not open_ends or end <= open_ends[-1] + 1e-6, (slice, open_ends[-1])
            open_ends.append(end)

check(sys.argv[1], 4)
check(sys.argv[2], 5)
print("all as wanted")
PY
finish
