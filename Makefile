.PHONY: demo test test-slow check bench docs clean

PYTHON ?= python3
BIN = .venv/bin
# Three for two cores: tests wait for other processes a third of the time. (nproc obeys OMP_NUM_THREADS.)
WORKERS = $(shell expr $$(OMP_NUM_THREADS= nproc) \* 3 / 2)
FOR_EXAMPLES = 'onnx>=1.17'  # for the tests of examples/jpeg-ai; no dependency of the project

demo: .venv/installed
	$(BIN)/bench run suites/quick.yaml

test: .venv/installed-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile

test-slow: .venv/installed-test
	$(BIN)/python -m pytest -m slow

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy docs/scripts/*.py docs/measurements/*.py examples/plugin-codec/example_codecs/*.py examples/jpeg-ai/jpeg_ai_networks/*.py examples/overfitted_codec.py
	$(BIN)/lint-imports

bench: .venv/installed-test
	$(BIN)/python -m pytest benchmarks --benchmark-columns=min,median,rounds --benchmark-sort=name

docs: .venv/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html
	@echo "the pages are in docs/_build/html/index.html"

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-test: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]' $(FOR_EXAMPLES)
	touch $@ .venv/installed

.venv/installed-dev: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]' $(FOR_EXAMPLES)
	touch $@ .venv/installed .venv/installed-test

.venv/installed-docs: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@ .venv/installed

clean:
	rm -rf .venv runs docs/_build
