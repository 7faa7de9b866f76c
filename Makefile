# Two commands do all the set-up: `make demo` runs the default experiment, `make test` the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := src tests benchmarks workflow/scripts
SNAKEFILES := Snakefile workflow/rules

.PHONY: demo test bench lint format docs lock clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "xstilts needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)
	$(BIN)/snakemake --quiet host reason --prioritize results/demo/encoders/tiny
	@echo "The report is results/demo/index.html. In short:"
	@sed 's/^/  - /' results/demo/headline.txt

test: $(READY) lint
	$(BIN)/pytest -n 2 --dist loadfile

# DATA is XTREME's folder, for benchmarks on real text: make bench DATA=PATH
bench: $(READY)
	$(BIN)/python benchmarks/bench.py $(if $(DATA),--data-root $(DATA))

lint: $(READY)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/snakefmt --check $(SNAKEFILES)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	$(BIN)/snakefmt $(SNAKEFILES)

# What is made from the code: keys, columns and the glossary.
docs: $(READY)
	$(BIN)/python -m xstilts.report.reference docs

# The same versions with hashes, for all platforms, and with CUDA where there is one.
lock: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra slurm --constraint constraints.txt \
	  --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command 'make lock' --output-file requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
