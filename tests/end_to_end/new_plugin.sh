#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A stranger's way: scaffold a backend, build it against the installed contract alone, list it, run a model on it.
. "$(dirname "$0")/lib.sh"
rlx=$build/bin/rlx
cmake --install "$build" --component plugin_api --prefix "$work/prefix" >/dev/null || { echo "FAILED: plugin_api cannot be installed"; exit 1; }

conform() { # conform FILE: quick, where this build has the tool
  "$rlx" --help | grep -q '^  conform' || return 0
  expect 0 'VERDICT' "$rlx" conform "$1" --profile quick
}

expect 2 'rlx: NAME and DIR are missing' "$rlx" new-plugin
expect 2 'rlx: DIR is missing' "$rlx" new-plugin toy

scaffold() { # scaffold NAME LANGUAGE ARGUMENTS...
  local name=$1 language=$2 project=$work/$1
  shift 2
  expect 0 "$name: a backend of kind" "$rlx" new-plugin "$name" --language "$language" "$@" "$project"
  expect 0 . cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$work/prefix"
  expect 0 . cmake --build "$project/build"
  refuse 'warning' cmake --build "$project/build" --clean-first
  expect 0 '100% tests passed' env RLX="$rlx" ctest --test-dir "$project/build" --output-on-failure
  conform "$project/build/$name.so"
}
conform "$build/examples/plain/plain.so"
conform "$build/examples/null/null.so"
scaffold toy c
scaffold other_toy cpp --kind warp --id com.example-1.other
toy=$work/toy/build/toy.so
expect 0 '^ok .*/toy.so' "$rlx" plugins --plugins "$toy" --only-plugins
expect 0 'org.example.toy 0.1.0.*kinds: toy' "$rlx" plugins --plugins "$toy" --only-plugins
expect 0 'com.example-1.other .*kinds: warp' "$rlx" plugins --plugins "$work/other_toy/build" --only-plugins
expect 0 'y f32\[1, 3\]: 0 26 31' "$rlx" run "$work/toy/model.onnx" --plugins "$toy" --only-plugins --device toy --bind batch=1 --fill x=1:1

# One command without CMake builds the same file.
expect 0 '^$' cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden -I "$work/prefix/include" "$work/toy/plugin.c" -o "$work/plain.so" -lm
expect 0 '^ok .*/plain.so' "$rlx" plugins --plugins "$work/plain.so" --only-plugins
# The smoke test can fail: another plugin has no such device; a text is no plugin.
expect 1 'toy' env RLX="$rlx" sh "$work/toy/smoke_test.sh" "$build/examples/null/null.so"
expect 1 'not ok' env RLX="$rlx" sh "$work/toy/smoke_test.sh" "$work/toy/README.md"
expect 1 'no kernel for this op' "$rlx" run "$work/toy/model.onnx" --plugins "$build/examples/null/null.so" --only-plugins --device null --bind batch=1

# What is refused.
expect 2 'Usage|required' "$rlx" new-plugin
expect 2 'Usage|required' "$rlx" new-plugin lonely
expect 1 'exists' "$rlx" new-plugin toy "$work/toy"
expect 2 'NAME is `Bad-Name`' "$rlx" new-plugin Bad-Name "$work/bad"
expect 2 'device kind is `a_name_of_sixteen`.*15' "$rlx" new-plugin a_name_of_sixteen "$work/bad"
expect 2 'device kind is `2`' "$rlx" new-plugin good --kind 2 "$work/bad"
expect 2 'id is `nodots`' "$rlx" new-plugin good --id nodots "$work/bad"
expect 2 'id is `a..b`' "$rlx" new-plugin good --id a..b "$work/bad"
expect 2 'id is .*quote' "$rlx" new-plugin good --id 'org.quote"' "$work/bad"
expect 2 'language is `rust`' "$rlx" new-plugin good --language rust "$work/bad"
expect 1 'cannot make the folder' "$rlx" new-plugin good /proc/nowhere/good
[ ! -e "$work/bad" ] || { echo "FAILED: a refused project left a folder"; failures=1; }
finish
