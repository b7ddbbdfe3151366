#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rlx inspect as a person runs it: stages, dumps, manifest, dispatch, memory, the arena plan as a picture.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
block=$source/tests/fixtures/onnx/decoder_block.onnx
inspect() { "$rlx" inspect "$block" "$@"; }

expect 0 '^graph ' inspect
expect 0 '^recompose_attention$' inspect --stages
expect 0 'sdpa|attention' inspect --stage mir
expect 1 'no stage `mirr`; did you mean `mir`' inspect --stage mirr
expect 0 '^// ---- recompose_attention$' inspect --dump-after all
expect 0 '^// ---- fuse_conv: nothing changed' inspect --dump-after all
expect 0 '^graph ' inspect --dump-after fuse_linear
expect 1 'no stage `fuse_liner`; did you mean `fuse_linear`' inspect --dump-after fuse_liner
expect 0 'input x: f32\[batch, seq, 8\]' inspect --manifest
expect 0 'input x: f32\[2, 3, 8\], 192 bytes' inspect --manifest --bind batch=2 --bind seq=3
expect 0 '^batch=2,seq=5: graph [0-9a-f]{32}' inspect --dispatch --bind batch=2 --bind seq=3,5
expect 0 ' linear$' inspect --dispatch --bind batch=2 --bind seq=3
expect 0 '^batch=2,seq=5 ' inspect --memory --bind batch=2 --bind seq=3,5
expect 0 'seq = 1 \(its least' inspect --dispatch --bind batch=2

# What is printed can be read again, and is the same model.
inspect --stage hir >"$work/block.hir"
expect 0 'input x: f32\[batch, seq, 8\]' "$rlx" inspect "$work/block.hir" --manifest
diff -q <(inspect --stage mir) <("$rlx" inspect "$work/block.hir" --stage mir) || { echo "FAILED: the text form is another model"; failures=1; }

# The picture is XML with a rectangle and its story for every value of the plan; JSON says the same numbers.
expect 0 'arena .* alive, [0-9]+ values; written to' inspect --plan "$work/plan.svg" --bind batch=2 --bind seq=7
inspect --json --plan "$work/again.svg" --memory --dispatch --manifest --dump-after all --bind batch=2 --bind seq=7 >"$work/all.json"
cmp -s "$work/plan.svg" "$work/again.svg" || { echo "FAILED: equal plans, other pictures"; failures=1; }
expect 0 'all as wanted' python3 - "$work/plan.svg" "$work/all.json" <<'PY'
import json, sys, xml.etree.ElementTree as tree
svg = tree.parse(sys.argv[1]).getroot()
space = "{http://www.w3.org/2000/svg}"
document = json.load(open(sys.argv[2]))
assert document["schema"] == "rlx.inspect/1"
assert document["manifest"]["states"] == [] and document["manifest"]["length"] is None, document["manifest"]
plan = document["plan"]
boxes = [box for box in svg.iter(space + "rect") if box.get("class") == "v"]
assert len(boxes) == len(plan["values"]) > 0
for box, value in zip(boxes, plan["values"]):
    title = box.find(space + "title").text
    assert f"{value['bytes']} bytes" in title and value["dtype"] in title and str(value["offset"]) in title, title
    assert value["offset"] + value["bytes"] <= plan["arena_bytes"]
assert document["memory"][0]["packed_bytes"] is not None and document["memory"][0]["binding"] == {"batch": 2, "seq": 7}
assert document["dispatch"][0]["dispatch"]["native"] == sum(document["dispatch"][0]["ops"].values())
assert document["dumps"][0]["changed"] is True
print("all as wanted")
PY
expect 1 'RLX-E0103.*nowhere' inspect --plan "$work/nowhere/plan.svg"
expect 2 'no option `--dump`; did you mean' inspect --dump all
finish
