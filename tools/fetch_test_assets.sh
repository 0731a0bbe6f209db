#!/usr/bin/env bash
# Makes what the tests need beyond the repository, in the cache folder:
#   test-assets/mistral_common/  the tokenizer files of the PyPI package mistral-common
#   test-assets/smollm2/         SmolLM2 as a Hugging Face checkpoint, made from the embedded GGUF
#   test-assets/smollm2_rotated/ the same function whose weights lie on no 4-bit grid
# usage: fetch_test_assets.sh [--verify]     prints the variables that the tests read, as NAME=PATH
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

tokenizers_version=1.13.1
tokenizers_sha256=98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af
# bf16 weights of the checkpoint; the goldens of tests/data/golden/smollm2.json name the same sum.
checkpoint_sha256=a0efc45b71d0592322e7ca97b04b681e59ac6b9d96cd7f1b4f60623ea7dd2b5b

assets=$(bora_cache_dir)/test-assets
tokenizers=$assets/mistral_common
checkpoint=$assets/smollm2
rotated=$assets/smollm2_rotated
mkdir -p "$assets"
model=$(tools/fetch_default_model.sh "$@")

exec 9>"$assets/.lock"
flock 9
scratch=$(mktemp -d "$assets/.fetch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# The stamp beside a folder names what it was made from; another pin makes it anew.
stamped() { [ -d "$1" ] && [ "$(cat "$1.stamp" 2>/dev/null)" = "$2" ]; }
finish() { # FOLDER STAMP: puts the scratch folder of the same name in place
  rm -rf "$1"
  publish "$scratch/$(basename "$1")" "$1"
  echo "$2" >"$1.stamp"
}

if ! stamped "$tokenizers" "$tokenizers_sha256"; then
  say "fetching the Mistral tokenizers (PyPI mistral-common $tokenizers_version) into $tokenizers"
  wheel=$(fetch_wheel mistral-common "$tokenizers_version" "$tokenizers_sha256" "$scratch")
  unzip -q -j "$wheel" 'mistral_common/data/*' -d "$scratch/mistral_common"
  finish "$tokenizers" "$tokenizers_sha256"
fi

maker=$(cat tools/smollm2_checkpoint.py tools/requirements-test.txt | sha256sum | cut -d' ' -f1)
make_checkpoint() { # FOLDER [--rotate]: makes it in the scratch folder
  say "making the Hugging Face checkpoint of SmolLM2 in $1"
  local venv=$assets/venv
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tools/requirements-test.txt
  "$venv/bin/python" tools/smollm2_checkpoint.py "$scratch/$(basename "$1")" --gguf "$model" "${@:2}" >&2
}
if ! stamped "$checkpoint" "$maker"; then
  make_checkpoint "$checkpoint"
  check_sha256 "$scratch/smollm2/model.safetensors" "$checkpoint_sha256"
  finish "$checkpoint" "$maker"
fi
if ! stamped "$rotated" "$maker"; then  # no sum: the rotation is LAPACK's, whose last bits differ
  make_checkpoint "$rotated" --rotate
  finish "$rotated" "$maker"
fi
if [ "${1:-}" = --verify ]; then
  check_sha256 "$checkpoint/model.safetensors" "$checkpoint_sha256"
fi

echo "BORA_TEST_SMOLLM2=$model"
echo "BORA_TEST_SMOLLM2_HF=$checkpoint"
echo "BORA_TEST_SMOLLM2_ROTATED=$rotated"
echo "BORA_TEST_MISTRAL_COMMON=$tokenizers"
