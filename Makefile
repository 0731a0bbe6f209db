# The short way in; CMakePresets.json is the build, tools/ does the work. `make` lists the targets.
PREFIX ?= /usr/local
PROMPT ?= Write a 150 word essay: why is health important to everyone?
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build model run test test-peers torture install format check check-tidy clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

setup: ## install what building and running need (apt; takes root where something is missing)
	@tools/setup.sh run

# A build folder that `make test` configured keeps its tests; a new one leaves them out.
build: setup ## build/release/bora
	@[ -f build/release/build.ninja ] || cmake --preset release -DBORA_BUILD_TESTS=OFF
	@cmake --build --preset release --target bora

model: setup ## fetch the default model, SmolLM2-135M-Instruct (88 MB), into the cache
	@tools/fetch_default_model.sh >/dev/null

run: build model ## build, fetch the default model, have it write an essay (ARGS=.. adds flags)
	build/release/bora run --chat -p "$(PROMPT)" --max-new-tokens 300 $(ARGS)

test: ## checks, unit tests, goldens, a short replay of the fuzz corpora
	@tools/run_tests.sh

test-peers: ## compare with transformers, llama.cpp and huggingface_hub (fetches and builds them: long, several GB)
	@tools/test_peers.sh

torture: ## sanitizers, clang, clang-tidy, each ISA, minutes of fuzzing (long)
	@tools/torture.sh

install: build ## into PREFIX (/usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"

format: ## clang-format every C++ file
	@find src include tests fuzz bench \( -name '*.cc' -o -name '*.h' \) -print0 | xargs -0 clang-format -i

check: ## formatting, sizes, leftovers, links, arrows
	@tools/check_style.py
	@tools/check_arrows.py

check-tidy: ## clang-tidy on every file
	@tools/setup.sh dev
	@cmake --workflow --preset tidy

clean: ## remove build/ (the cache of models stays)
	rm -rf build
