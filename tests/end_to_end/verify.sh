#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rlx verify and rlx bisect as a person runs them: the CPU backend lies within its bounds, a seeded defect is found, named
# and written so that it shows again.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
block=$source/tests/fixtures/onnx/decoder_block.onnx
faulty=$build/lib/rlx/faulty/fault_22.so
shape=(--bind batch=2 --bind seq=5)

expect 0 'output y: worst [0-9.e-]+ of its bound at \[' "$rlx" verify "$block" "${shape[@]}" --device cpu
expect 0 '"schema": "rlx.verify/1"' "$rlx" verify "$block" "${shape[@]}" --device cpu --json
expect 0 'every one of [0-9]+ ops lies within its bound' "$rlx" bisect "$block" "${shape[@]}" --device cpu --segment 5
expect 2 'wanted one shape' "$rlx" verify "$block" --bind batch=1,2 --bind seq=5
expect 2 'wanted at least 1' "$rlx" bisect "$block" --segment 0
expect 1 'no device|no plugin' "$rlx" verify "$block" "${shape[@]}" --device nothing

cat >"$work/exp.ir" <<'IR'
graph "exp" {
  input %0 "x" f32[7]
  param %1 "w" f32[7]
  %2 = binary(%0, %1){fn=.add} : f32[7]
  %3 = unary(%2){fn=.exp} : f32[7]
  %4 = binary(%3, %1){fn=.mul} : f32[7]
  output "y" %4
}
IR
expect 0 'output y: worst' "$rlx" verify "$work/exp.ir" --device cpu
if [ -f "$faulty" ]; then
  expect 1 'outputs are past their bounds' "$rlx" verify "$work/exp.ir" --plugins "$faulty" --device c0
  expect 1 'is the first past its bound' "$rlx" bisect "$work/exp.ir" --plugins "$faulty" --device c0 --out "$work/repro"
  again=$("$rlx" bisect "$work/exp.ir" --plugins "$faulty" --only-plugins --device c0 --out "$work/re pro" | sed -n 's/^  again  rlx //p')
  expect 1 'past their bounds' bash -c "'$rlx' $again"
  expect 0 '--only-plugins --plugins' echo "$again"
  expect 1 'past their bounds' "$rlx" verify "$work/repro.mir" --input "$work/repro.npz" --plugins "$faulty" --device c0
  expect 0 'worst' "$rlx" verify "$work/repro.mir" --input "$work/repro.npz" --device cpu
fi
finish
