# Plain pip in .venv; pip's own environment variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, ...) are honoured.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: venv demo test coverage core lint bench evidence docs playground clean

venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --no-deps torchdyn==1.0.6 # its torchvision would bring another torch
	touch .venv/installed

demo: venv
	$(BIN)/python demo.py

test: lint
	$(BIN)/python -m pytest --numprocesses auto

# Which lines no test runs; slower than the tests alone.
coverage: venv
	$(BIN)/python -m pytest --numprocesses auto --cov hyperdsl --cov-report term:skip-covered

CORE := $(addprefix tests/theory/test_,families.py multistep.py order.py properties.py reach.py rises.py roots.py stability.py trees.py) \
	$(addprefix tests/plan/test_,estimates.py passes.py runge_kutta.py)

core: venv
	$(BIN)/python -m pytest -x -m 'not slow' $(CORE)

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/hyperdsl fmt specs --check
	$(BIN)/hyperdsl compile specs --check
	$(BIN)/hyperdsl verify generated/*/
	$(BIN)/hyperdsl check specs --prover sympy

bench: venv
	$(BIN)/python -m benchmarks.classical
	$(BIN)/python -m benchmarks.digits
	$(BIN)/python -m benchmarks.adaptive
	$(BIN)/python -m benchmarks.sweep --fresh
	$(BIN)/python -m benchmarks.sweep_samplers
	$(BIN)/python -m benchmarks.learned
	$(BIN)/python -m benchmarks.few
	$(BIN)/python -m benchmarks.few_flows
	$(BIN)/python -m benchmarks.few_training
	$(BIN)/python -m benchmarks.scales
	$(BIN)/python -m benchmarks.training_step
	$(BIN)/python -m benchmarks.kills
	$(BIN)/python -m benchmarks.failing
	$(BIN)/python -m benchmarks.checking
	$(BIN)/python -m benchmarks.lsp
	$(BIN)/python -m benchmarks.mutants
	$(BIN)/python -m benchmarks.second_prover
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.proofs
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.mutation

# Goes on where it was ended. In the background: nohup make evidence > evidence.log &
evidence: venv
	$(BIN)/hyperdsl reproduce all --quiet

# The site, in site/; a warning is an error.
docs: venv
	$(BIN)/python -m tools.site

# A folder for any web server; needs npm.
playground: venv
	$(BIN)/python -m tools.playground site/playground

clean:
	rm -rf .venv runs
