#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where rlx writes to: links, pipes and full disks are what they are for every other program, and nothing half-written stays.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
cases=$source/tests/fixtures/onnx
check() {
  local what=$1
  shift
  "$@" || { echo "FAILED: $what"; failures=$((failures + 1)); }
}

# --output: a link stays a link, a file keeps its mode, a pipe is written to and stays, a folder is refused.
run() { "$rlx" run "$cases/cnn.onnx" --bind batch=1 "$@"; }
echo old >"$work/real.npz"
chmod 600 "$work/real.npz"
ln -s real.npz "$work/link.npz"
expect 0 'written to .*link.npz' run --output "$work/link.npz"
check "the link is gone" test -L "$work/link.npz"
check "the link's file is not written" python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).testzip()' "$work/real.npz"
check "the mode is not kept" test "$(stat -c %a "$work/real.npz")" = 600
ln -s nowhere.npz "$work/dangling.npz"
expect 0 'written to' run --output "$work/dangling.npz"
check "a link to nothing is not followed" test -f "$work/nowhere.npz" -a -L "$work/dangling.npz"
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/piped.npz" &
reader=$!
expect 0 'written to' timeout 20 "$rlx" run "$cases/cnn.onnx" --bind batch=1 --output "$work/pipe"
wait "$reader"
check "the pipe is replaced" test -p "$work/pipe"
check "the pipe's bytes differ" cmp -s "$work/piped.npz" "$work/real.npz"
mkdir "$work/folder"
expect 1 'RLX-E0103.*folder.*[Dd]irectory' run --output "$work/folder"
expect 1 'RLX-E0103.*No such file or directory' run --output "$work/nope/y.npz"
ln -s loop "$work/loop"
expect 1 'RLX-E0103.*loop.*symbolic' run --output "$work/loop"
(ulimit -f 0; expect 1 'RLX-E0103.*File too large' run --output "$work/big.npz"; exit "$failures") || failures=$((failures + 1))
check "half a file stays" test "$(find "$work" -name '*.npz.*' -o -name 'big.npz*' | wc -l)" = 0

# --plan and --trace: a picture or trace that cannot be written whole leaves the one that was there.
"$rlx" inspect "$cases/cnn.onnx" --bind batch=1 --plan "$work/plan.svg" >/dev/null
cp "$work/plan.svg" "$work/trace.json"
for what in "inspect $cases/cnn.onnx --bind batch=1 --plan $work/plan.svg" "run $cases/cnn.onnx --bind batch=1 --trace $work/trace.json"; do
  # shellcheck disable=SC2086
  (ulimit -f 1 && expect 1 'RLX-E0103.*File too large' "$rlx" $what; exit "$failures") || failures=$((failures + 1))
done
check "the old picture is gone" cmp -s "$work/plan.svg" "$work/trace.json"

# A full device of our own: written to, and still a device after that.
if mknod "$work/full" c 1 7 2>/dev/null && (exec 3>"$work/full") 2>/dev/null; then
  expect 1 'RLX-E0103.*full.*No space left' run --output "$work/full"
  check "the device is replaced" test -c "$work/full"
  to_full() { "$@" >"$work/full"; }
  expect 1 'RLX-E0103.*standard output: No space left' to_full "$rlx" plugins
  expect 1 'RLX-E0103.*standard output: No space left' to_full "$rlx" plugins --json
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" --help
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" run --help
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" explain RLX-E0211
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" check "$cases/cnn.onnx" --json
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" run "$cases/cnn.onnx"
  expect 1 'RLX-E0103.*standard output' to_full "$rlx" inspect "$cases/cnn.onnx" --stage mir
fi
closed() { "$@" >&-; }
expect 1 'RLX-E0103.*standard output: Bad file descriptor' closed "$rlx" plugins
expect 0 '' bash -c "set -o pipefail; '$rlx' plugins | head -c 1 >/dev/null || [ \$? -eq 141 ]"

# compile: the model is never the output, however it is named.
cp "$cases/cnn.onnx" "$work/model.onnx"
ln "$work/model.onnx" "$work/hard.rlx"
ln -s model.onnx "$work/soft.rlx"
expect 2 'wanted a name that ends in .rlx' "$rlx" compile "$work/model.onnx" -o "$work/model.onnx"
expect 2 'would overwrite' "$rlx" compile "$work/model.onnx" -o "$work/hard.rlx"
expect 2 'would overwrite' "$rlx" compile "$work/model.onnx" -o "$work/soft.rlx"
cp "$work/model.onnx" "$work/kept.onnx"
expect 2 '--output .*would overwrite .*model.onnx' "$rlx" run "$work/model.onnx" --bind batch=1 --output "$work/model.onnx"
expect 2 '--output .*would overwrite .*model.onnx' "$rlx" run "$work/model.onnx" --bind batch=1 --output "$work/hard.rlx"
expect 2 '--trace .*would overwrite .*model.onnx' "$rlx" run "$work/model.onnx" --bind batch=1 --trace "$work/model.onnx"
expect 2 '--plan .*would overwrite .*model.onnx' "$rlx" inspect "$work/model.onnx" --bind batch=1 --plan "$work/model.onnx"
check "the model is overwritten" cmp -s "$work/model.onnx" "$work/kept.onnx"
check "the model was written to" cmp -s "$cases/cnn.onnx" "$work/model.onnx"
expect 1 'RLX-E0103.*variants could not be written: Not a directory' "$rlx" compile "$work/model.onnx" --cache "$work/model.onnx/cache" --shapes batch=1
mkfifo "$work/pipe.rlx"
expect 1 'RLX-E0103.*no regular file' "$rlx" compile "$work/model.onnx" -o "$work/pipe.rlx"
ln -s real.rlx "$work/out.rlx"
expect 0 'out.rlx' "$rlx" compile "$work/model.onnx" -o "$work/out.rlx"
check "the package's link is gone" test -L "$work/out.rlx" -a -f "$work/real.rlx"
expect 0 'out.rlx is sound' "$rlx" cache verify "$work/out.rlx"
expect 2 'would overwrite' "$rlx" compile "$work/out.rlx" -o "$work/real.rlx"

# Killed while it writes a package, or while a peer runs: nothing half-written stays.
mkdir "$work/killed" "$work/tmp"
if [ -f "$model/model.onnx" ]; then
  "$rlx" compile "$model/model.onnx" -o "$work/killed/m.rlx" >"$work/killed.log" 2>&1 &
  writer=$!
  for _ in $(seq 3000); do
    readlink "/proc/$writer/fd"/* 2>/dev/null | grep -q "^$work/killed/" && break
    kill -0 "$writer" 2>/dev/null || break
    sleep 0.02
  done
  kill -KILL "$writer" 2>/dev/null
  wait "$writer" 2>/dev/null
  check "half a package stays" test -z "$(find "$work/killed" -name 'm.rlx.*')"
fi
printf '#!/bin/sh\necho "{\\"version\\": \\"0\\", \\"load_ms\\": 0}"\ncat >/dev/null\n' >"$work/peer"
chmod +x "$work/peer"
TMPDIR=$work/tmp "$rlx" bench "$cases/cnn.onnx" --against onnxruntime --python "$work/peer" --seconds 0.1 --rounds 1 >"$work/bench.log" 2>&1 &
bench=$!
for _ in $(seq 3000); do
  [ -n "$(find "$work/tmp" -name '*.npz')" ] && break
  kill -0 "$bench" 2>/dev/null || break
  sleep 0.02
done
check "bench made no inputs for its peer" test -n "$(find "$work/tmp" -name '*.npz')"
kill -TERM "$bench"
wait "$bench" 2>/dev/null
check "bench does not end as the signal ends it" test $? -eq 143
check "bench leaves its folder" test -z "$(ls "$work/tmp")"

finish
