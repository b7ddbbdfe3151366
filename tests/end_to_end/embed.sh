#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The real model through the example: the answers are computed, not remembered, and what is missing is said.
. "$(dirname "$0")/lib.sh"
need_model
embed=$build/bin/embed
fixture=$source/tests/fixtures/minilm/embeddings.json
reference=$build/lib/rlx/tools/rlx_reference.so

expect 0 'eating food.*0\.755' "$embed" --tour --model "$model" --fixture "$fixture" --reference "$reference" --seed 3
expect 0 'carrying a baby.*-0\.105' "$embed" --tour --model "$model" --fixture "$fixture" --reference "$reference" --seed 4
expect 0 'of its bound' "$embed" --tour --model "$model" --fixture "$fixture" --reference "$reference" --seed 5

# Without the fixture or the reference the tour says so and fails.
expect 1 'not checked against PyTorch.*missing' "$embed" --tour --model "$model" --fixture "$work/none.json" --reference "$reference"
expect 1 'not checked against the float64 reference.*missing' "$embed" --tour --model "$model" --fixture "$fixture" --reference "$work/none.so"

# An empty plugin folder is an error that names it.
mkdir "$work/empty"
expect 1 "$work/empty" "$embed" --tour --model "$model" --plugins "$work/empty" --only-plugins

# One changed byte of a weight, or one changed line of the vocabulary, changes the answer.
mkdir "$work/model"
cp "$model"/{config.json,vocab.txt,model.safetensors} "$work/model/"
answer() { "$embed" --model "$work/model" --lines "$source/examples/embed/sentences.txt" "A man is eating food." 2>&1; }
before=$(answer)
# A high byte of a weight in the last layer's output norm: the last tensors of the file.
offset=$(python3 - "$work/model/model.safetensors" <<'PYTHON'
import json, struct, sys
with open(sys.argv[1], "rb") as file:
    size = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(size))
print(8 + size + header["encoder.layer.5.output.LayerNorm.weight"]["data_offsets"][0] + 3)
PYTHON
)
printf '\x42' | dd of="$work/model/model.safetensors" bs=1 seek="$offset" conv=notrunc status=none
[ "$(answer)" != "$before" ] || { echo "FAILED: a changed weight byte does not change the answer"; failures=1; }
expect 1 'WRONG' "$embed" --tour --model "$work/model" --fixture "$fixture" --reference "$reference"
cp "$model/model.safetensors" "$work/model/"
[ "$(answer)" = "$before" ] || { echo "FAILED: the original weights do not bring the answer back"; failures=1; }
sed -i 's/^eating$/eatinx/' "$work/model/vocab.txt"
[ "$(answer)" != "$before" ] || { echo "FAILED: a changed vocabulary line does not change the answer"; failures=1; }

# Damaged and missing files are named.
cp "$model/vocab.txt" "$work/model/"
truncate -s 1000000 "$work/model/model.safetensors"
expect 1 'RLX-E0104.*model.safetensors' "$embed" --model "$work/model" --lines "$source/examples/embed/sentences.txt" "x"
rm "$work/model/model.safetensors"
expect 1 'RLX-E0101.*model.safetensors' "$embed" --model "$work/model" --lines "$source/examples/embed/sentences.txt" "x"
expect 2 'model is missing' "$embed" "x"

# The command line, the sentences and the vocabulary are named when they are not as wanted.
expect 2 'lines is missing' "$embed" --model "$model" "x"
expect 2 'nothing to do' "$embed" --model "$model"
expect 1 'RLX-E0101.*nowhere.txt.*no such file' "$embed" --model "$model" --lines "$work/nowhere.txt" "x"
expect 1 'RLX-E0102.*is a folder' "$embed" --model "$model" --lines "$work" "x"
echo "# none" >"$work/none.txt"
expect 1 'none.txt`: has no sentences' "$embed" --model "$model" --lines "$work/none.txt" "x"
ln -s "$model/model.safetensors" "$work/model/model.safetensors"
head -n 30000 "$model/vocab.txt" >"$work/model/vocab.txt"
expect 1 'vocab.txt` has 30000 tokens, vocab_size in its config.json is 30522' "$embed" --model "$work/model" --tour
rm "$work/model/vocab.txt"
expect 1 'RLX-E0101.*vocab.txt' "$embed" --model "$work/model" --tour
finish
