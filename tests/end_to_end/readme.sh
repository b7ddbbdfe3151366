#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the README quotes is what is there: the program compiles (it is examples/linear) and prints what it says.
. "$(dirname "$0")/lib.sh"
expect 0 '^output0 on cpu:0: first row 16 20$' "$build/bin/linear"
awk '/^```cpp$/ {inside=1; next} /^```$/ {inside=0} inside' "$source/README.md" >"$work/quoted"
grep -qE "@[A-Z]+@" "$source/README.md" && { echo "FAILED: the README has a hole"; failures=1; }
[ -s "$work/quoted" ] || { echo "FAILED: the README quotes no program"; failures=1; }
while IFS= read -r line; do
  [ -z "$line" ] || grep -qF -- "$line" "$source/examples/linear/main.cpp" ||
    { echo "FAILED: the README quotes a line that examples/linear/main.cpp has not: $line"; failures=1; }
done <"$work/quoted"
for file in $(grep -oE '\]\([a-zA-Z_/.-]+\)' "$source/README.md" | tr -d '()]'); do
  [ -e "$source/$file" ] || { echo "FAILED: the README links to $file, which is not there"; failures=1; }
done
# Every command of the table runs as it is written, with a real model and a real kind of device.
need_model
commands=0
while IFS= read -r command; do
  command=${command//model.onnx/$model/model.onnx}
  command=${command//KIND/cpu}
  expect 0 . bash -c "cd '$work' && '$build'/${command#build/}"
  commands=$((commands + 1))
done < <(sed -n 's/^|[^|]*| `\(build\/bin\/[^`]*\)`.*/\1/p' "$source/README.md")
[ "$commands" -ge 5 ] || { echo "FAILED: the README's table has $commands commands, wanted 5 or more"; failures=1; }
finish
