#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What docs/plugin-guide.md quotes is compiled: every line of its C and C++ is a line of the examples, the headers or the CPU
# backend; its links lead somewhere; the commands of its first ten minutes work as they are written.
. "$(dirname "$0")/lib.sh"
guide=$source/docs/plugin-guide.md
quotable=("$source"/examples/plugin_c/* "$source"/examples/plugin_rust/src/* "$source"/plugin_api/include/rlx/*.h "$source/plugins/cpu/params_prepare.cpp")
lines=0
while IFS= read -r line; do
  [ -n "$line" ] || continue
  lines=$((lines + 1))
  grep -qsxF -- "$line" "${quotable[@]}" || { echo "FAILED: the guide quotes a line that no compiled file has: $line"; failures=1; }
done < <(awk '/^```(c|cpp|rust)$/ {inside=1; next} /^```$/ {inside=0} inside' "$guide")
[ "$lines" -ge 20 ] || { echo "FAILED: the guide quotes $lines lines, wanted 20 or more"; failures=1; }
while IFS= read -r link; do
  [ -e "$source/docs/$link" ] || { echo "FAILED: the guide links to $link, which is not there"; failures=1; }
done < <(grep -oE '\]\([a-zA-Z_/.-]+\)' "$guide" | tr -d '()]')
while IFS= read -r header; do
  [ -e "$source/plugin_api/include/rlx/$header" ] || { echo "FAILED: the guide names rlx/$header, which is not there"; failures=1; }
done < <(sed -n 's/^| `rlx\/\([^|]*\)|.*/\1/p' "$guide" | tr -d '`' | tr ' ' '\n' | grep '\.h$')

# The files that it says a board needs are enough, and none of them is too many.
board=$work/board
mkdir "$board"
needed=0
while IFS= read -r file; do
  needed=$((needed + 1))
  cp "$build/libexec/rlx/$file" "$board" || failures=1
done < <(tr '\n' ' ' <"$guide" | sed -n 's/.*or copy \(.*\) (they need no librlx.*/\1/p' | grep -oE '`[^`]+`' | tr -d '`')
[ "$needed" -eq 4 ] || { echo "FAILED: the guide names $needed files for a board, wanted 4"; failures=1; }
expect 0 'VERDICT: conformant' "$board/rlx-conform" "$build/lib/rlx/plugins/rlx_cpu.so" --filter 'LIF-01*'
for file in "$board"/rlx-conform-*; do
  mv "$file" "$work/away"
  expect 4 'harness error' "$board/rlx-conform" "$build/lib/rlx/plugins/rlx_cpu.so" --filter 'LIF-01*'
  mv "$work/away" "$file"
done

cd "$work" || exit 1
ln -s "$build" build
commands=0
while IFS= read -r command; do
  commands=$((commands + 1))
  expect 0 . bash -c "$command"
done < <(awk '/^```sh$/ {inside=1; next} /^```$/ {inside=0} inside' "$guide")
[ "$commands" -eq 7 ] || { echo "FAILED: the guide has $commands commands, wanted 7"; failures=1; }
finish
