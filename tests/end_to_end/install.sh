#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installed tree works where it is moved to: the tool finds its backends, and a stranger's program finds the library.
source "$(dirname "$0")/lib.sh"

expect 0 . cmake --install "$build" --prefix "$work/first"
mv "$work/first" "$work/moved"
lib=$(dirname "$(find "$work/moved" -name librlx.so -print -quit)")
expect 0 '^ok' "$work/moved/bin/rlx" plugins
expect 0 "${lib}/rlx/plugins/rlx_cpu.so" "$work/moved/bin/rlx" plugins
need_model
expect 0 'sentence_embedding|output' "$work/moved/bin/rlx" run "$model/model.onnx" --bind batch=1 --bind seq=5
expect 0 'bound' "$work/moved/bin/rlx" verify "$model/model.onnx" --bind batch=1 --bind seq=3
expect 0 'conformant' "$work/moved/bin/rlx" conform "$lib/rlx/plugins/rlx_cpu.so" --filter LIF
mkdir "$work/project"
cp "$source/examples/linear/main.cpp" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES CXX)
find_package(rlx REQUIRED)
add_executable(stranger main.cpp)
target_link_libraries(stranger PRIVATE rlx::rlx)
EOF
expect 0 . cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/moved"
expect 0 . cmake --build "$work/project/build"
expect 0 'first row 16 20' "$work/project/build/stranger"
finish
