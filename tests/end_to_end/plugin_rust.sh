#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The backend in Rust builds from the installed registry alone, exports one symbol, conforms, and runs a model.
. "$(dirname "$0")/lib.sh"
command -v rustc >/dev/null || { echo "skipped: there is no rustc"; exit 77; }
rlx=$build/bin/rlx
cmake --install "$build" --component plugin_api --prefix "$work/prefix" >/dev/null || { echo "FAILED: plugin_api cannot be installed"; exit 1; }
expect 0 '^$' "$source/examples/plugin_rust/build.sh" "$work/prefix/share/rlx/rlx.json" "$work/rust"
plugin=$work/rust/rusty.so
expect 0 '^[0-9a-f]+ T rlx_plugin_query$' nm -D --defined-only "$plugin"
[ "$(nm -D --defined-only "$plugin" | wc -l)" -eq 1 ] || { echo "FAILED: the plugin exports more than one symbol"; failures=1; }
expect 0 '^ok .*rusty.so' "$rlx" plugins --plugins "$plugin" --only-plugins
expect 0 'VERDICT: conformant' "$rlx" conform "$plugin" --profile quick
expect 0 'y f32\[1, 4\]: -1 -1 -1 -1' "$rlx" run "$source/tests/fixtures/onnx/unread_input.onnx" --plugins "$plugin" --only-plugins --device rusty --fill x=1:1
expect 1 'no kernel for this op' "$rlx" run "$source/tests/fixtures/onnx/reductions.onnx" --plugins "$plugin" --only-plugins --device rusty
finish
