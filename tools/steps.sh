# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What ./try and ./check share: packages, the build, and one line a step with its seconds. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
log=$build/try.log
mkdir -p "$build"

# Debian's (and Ubuntu's) names of what the build needs.
packages_build=(g++ cmake ninja-build make pkg-config python3 python3-pip libboost-dev libboost-program-options-dev
  libexpected-dev libxxhash-dev libzip-dev libutf8proc-dev nlohmann-json3-dev libprotobuf-dev protobuf-compiler libonnx-dev libtomlplusplus-dev)
packages_test=(libgtest-dev)

# step NAME COMMAND...: runs it with its output in the log; prints the name and the seconds, or what went wrong.
step() {
  local name=$1 begin=$EPOCHREALTIME seconds
  shift
  printf '%-44s' "$name"
  if "$@" >>"$log" 2>&1; then
    seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    printf '%7s s%s\n' "$seconds" "${step_note:+   $step_note}"
    step_note=
    return 0
  fi
  printf 'failed\n\n%s failed; the end of %s:\n' "$name" "${log#"$root"/}"
  tail -n 12 "$log" | sed 's/^/  /'
  printf 'Try: %s\n' "${step_hint:-read the whole log}"
  exit 1
}

# missing_packages NAME...: those that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q 'install ok installed' || printf '%s\n' "$name"
  done
}

install_packages() {
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "$@"
}

# need_packages NAME...: installs what is missing, saying what.
need_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    echo "Packages are not checked: this is no Debian or Ubuntu. Needed: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing: ${missing[*]}"
  step_hint="apt-get install ${missing[*]}"
  step "packages" install_packages "${missing[@]}"
}

# say_how_long: what a first build takes, and where to watch it.
say_how_long() {
  [ -x "$build/bin/rlx" ] || echo "The first build takes about seven minutes on two cores; tail -f ${log#"$root"/} shows it."
}

# configure TESTS: writes the build files where they are not there yet.
configure() {
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRLX_BUILD_TESTS="$1" \
    -DRLX_WARNINGS_ARE_ERRORS="${RLX_WARNINGS_ARE_ERRORS:-OFF}"
}
