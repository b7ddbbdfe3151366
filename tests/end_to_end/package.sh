#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packages and the cache of compiled variants as a person uses them: compile, run without the importer, list, damage, verify.
. "$(dirname "$0")/lib.sh"
need_model
rlx=$build/bin/rlx
package=$work/model.rlx

expect 2 'nothing to write' "$rlx" compile "$model/model.onnx"
expect 2 'wants --shapes' "$rlx" compile "$model/model.onnx" --cache "$work/cache"
expect 0 'packed for org.rlx.cpu' "$rlx" compile "$model/model.onnx" -o "$package" --shapes batch=1,seq=8 batch=2,seq=16
expect 0 'rlx.compile/1' "$rlx" compile "$model/model.onnx" -o "$work/other.rlx" --shapes batch=1,seq=8 --json --no-packs
expect 0 'is sound: made by .* from model.onnx' "$rlx" cache verify "$package" "$work/other.rlx"

# The same bytes as from the ONNX file, also where neither that file nor the importer is there.
fill=(--bind batch=2 --bind seq=16 --fill input_ids=100:999 --fill attention_mask=1:1)
"$rlx" run "$model/model.onnx" "${fill[@]}" --output "$work/a.npz" >/dev/null
"$rlx" run "$package" "${fill[@]}" --output "$work/b.npz" >/dev/null
"$rlx" run "$work/other.rlx" "${fill[@]}" --output "$work/c.npz" >/dev/null
cmp "$work/a.npz" "$work/b.npz" || { echo "FAILED: the package gives other bytes than its model"; failures=1; }
cmp "$work/a.npz" "$work/c.npz" || { echo "FAILED: the package without packs gives other bytes than its model"; failures=1; }
mkdir "$work/alone"
cp "$build/bin/rlx" "$build"/lib/librlx.so* "$work/alone/"
expect 0 'last_hidden_state f32' env LD_LIBRARY_PATH="$work/alone" "$work/alone/rlx" run "$package" --plugins "$build/lib/rlx/plugins" --only-plugins \
  --bind batch=1 --bind seq=8
loads_importer() { # loads_importer MODEL: a run of it opens the importer's library
  env LD_DEBUG=libs "$rlx" run "$1" --bind batch=1 --bind seq=8 >"$work/libraries" 2>&1 || { echo "FAILED: $1 does not run"; failures=1; }
  grep -qE 'import_onnx|protobuf' "$work/libraries"
}
loads_importer "$model/model.onnx" || { echo "FAILED: the importer's library is not seen where it is used"; failures=1; }
loads_importer "$package" && { echo "FAILED: a package loads the importer"; failures=1; }

# Damage is named.
cp "$package" "$work/bad.rlx"
printf 'X' | dd of="$work/bad.rlx" bs=1 seek=5000000 conv=notrunc 2>/dev/null
expect 1 'RLX-E0104.*damaged' "$rlx" cache verify "$work/bad.rlx"
head -c 1000000 "$package" >"$work/cut.rlx"
expect 1 'RLX-E0104.*\(size\)' "$rlx" run "$work/cut.rlx"
echo "no package" >"$work/text.rlx"
expect 1 'RLX-E0104' "$rlx" run "$work/text.rlx"

# The cache: filled once, found again, explained, damaged, cleaned.
expect 0 '2 written, 0 were there' "$rlx" compile "$model/model.onnx" --cache "$work/cache" --shapes batch=1,seq=8 batch=1,seq=9
expect 0 '0 written, 2 were there' "$rlx" compile "$package" --cache "$work/cache" --shapes batch=1,seq=8 batch=1,seq=9
expect 0 'cache folder: the variant was there' "$rlx" run "$package" --bind batch=1 --bind seq=9 --cache "$work/cache" --stats
expect 0 'cache folder: not there \(absent\); written' "$rlx" run "$package" --bind batch=1 --bind seq=11 --cache "$work/more" --stats
expect 0 '2 variants, .*0 damaged' "$rlx" cache ls --folder "$work/cache"
expect 0 'rlx.cache/1' "$rlx" cache ls --folder "$work/cache" --json
key=$(basename "$(find "$work/cache" -name '*.rlxv' | sort | head -n 1)" .rlxv)
expect 0 'binding .*seq' "$rlx" cache why "$key" --folder "$work/cache"
expect 1 'absent' "$rlx" cache why 00000000000000000000000000000000 --folder "$work/cache"
expect 1 'is no key' "$rlx" cache why ../../etc/passwd --folder "$work/cache"
expect 1 'RLX-E0101.*nowhere. is no folder' "$rlx" cache ls --folder "$work/nowhere"
expect 2 'no verb `gcc`; did you mean `gc`' "$rlx" cache gcc
expect 2 'no verb `list`' "$rlx" cache list --folder "$work/cache"
printf 'X' | dd of="$work/cache/$key.rlxv" bs=1 seek=900 conv=notrunc 2>/dev/null
expect 1 'damaged \(' "$rlx" cache verify --folder "$work/cache"
cp -r "$work/cache" "$work/damaged"
for file in "$work"/damaged/*.rlxv; do printf 'X' | dd of="$file" bs=1 seek=900 conv=notrunc 2>/dev/null; done
expect 0 'cache folder: not used \(content\); written' "$rlx" run "$package" --bind batch=1 --bind seq=9 --cache "$work/damaged" --stats
expect 0 '1 written, 1 were there' "$rlx" compile "$package" --cache "$work/cache" --shapes batch=1,seq=8 batch=1,seq=9
expect 0 'removed 2 files' "$rlx" cache gc --folder "$work/cache" --budget-mib 0
finish
