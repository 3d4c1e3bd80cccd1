# Every target needs only Python 3.11+ and make: uv and the locked environment are installed on first use.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
SERVICES := .venv-services
BATCH_RESULTS := batch-results
# Two files of tests at once, in the order of their names: the files with the fewest tests are among the longest, and would come last.
TWO_FILES = $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
export PYTHONDONTWRITEBYTECODE := 1

# Installs one lock file into the environment, with the uv of requirements/install.lock, and Winnow with the hatchling of requirements/build.lock; the stamp keeps later calls instant.
# A development environment serves the demo as well, so the core lock is only installed where there is none.
# Bytecode is written here, once: a command that has to compile what it imports takes twice as long to begin.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/install.lock
	@echo "Installing requirements/$(1).lock" && VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/$(1).lock
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install --quiet --no-deps --build-constraints requirements/build.lock --editable .
	@touch $@
endef

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/core.stamp: requirements/core.lock requirements/install.lock requirements/build.lock pyproject.toml
	$(call install,core)

$(VENV)/dev.stamp: requirements/dev.lock requirements/install.lock requirements/build.lock pyproject.toml
	$(call install,dev)

# The other samplers and readers, in an environment of their own: they need Python 3.11 and older numpy and pandas.
$(PEERS)/peers.stamp: requirements/peers.lock | $(VENV)/dev.stamp
	@test -x $(PEERS)/bin/python || $(BIN)/uv venv --quiet --python 3.11 $(PEERS)
	@echo "Installing requirements/peers.lock" && VIRTUAL_ENV="$(CURDIR)/$(PEERS)" $(BIN)/uv pip sync --quiet --require-hashes requirements/peers.lock
	@touch $@

.PHONY: peers
peers: $(PEERS)/peers.stamp ## install the samplers and readers that Winnow is compared with (4.3 GB)

# Servers that tests talk to, in an environment of their own: nothing of winnow imports them.
$(SERVICES)/services.stamp: requirements/services.lock | $(VENV)/dev.stamp
	@test -x $(SERVICES)/bin/python || $(BIN)/uv venv --quiet --python $(PYTHON) $(SERVICES)
	@echo "Installing requirements/services.lock" && VIRTUAL_ENV="$(CURDIR)/$(SERVICES)" $(BIN)/uv pip sync --quiet --require-hashes requirements/services.lock
	@touch $@

.PHONY: install
install: $(VENV)/core.stamp ## install what winnow needs to run

.PHONY: demo
demo: $(VENV)/core.stamp ## make sample data, load it, build every layer, write the docs, show the result
	@$(BIN)/winnow demo

.PHONY: wheel
wheel: $(VENV)/core.stamp ## make the package, dist/winnow-*.whl
	@$(BIN)/uv build --wheel --quiet --build-constraints requirements/build.lock --out-dir dist .

# The whole of .github/workflows/daily-batch.yml. DAY, SIMULATE and CONTINUE come as variables of the environment or of make;
# they reach the shell as they are, and never as a part of the command. Without a warehouse, the sample's is made first.
.PHONY: daily-batch
daily-batch: $(VENV)/core.stamp ## run the next daily batch, or DAY=n, or all up to SIMULATE=n; results in batch-results
	@test -e "$${WINNOW_WAREHOUSE:-winnow.duckdb}" || $(MAKE) demo
	@$(BIN)/winnow batches daily --out $(BATCH_RESULTS) --day "$${DAY-}" --simulate "$${SIMULATE-}" $${CONTINUE:+--continue}

$(VENV)/dashboard.stamp: requirements/dashboard.lock requirements/install.lock requirements/build.lock pyproject.toml
	$(call install,dashboard)

.PHONY: dashboard
dashboard: $(VENV)/dashboard.stamp ## install and run the dashboard of what is published, http://127.0.0.1:8501
	@$(BIN)/winnow dashboard

.PHONY: docs
docs: $(VENV)/core.stamp ## write the dbt docs site, target/static_index.html, and the Data Docs, target/data_docs
	@$(BIN)/winnow docs

# Side by side: mypy has one process, sqlfluff two. The vars are the linter's (.sqlfluff), so that it finds the project parsed.
.PHONY: lint
lint: $(VENV)/dev.stamp ## ruff, mypy, import-linter, sqlfluff and a strict parse of the dbt project
	@$(MAKE) --no-print-directory --jobs 2 lint-python lint-sql

.PHONY: lint-python
lint-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: lint-sql
lint-sql:
	$(BIN)/dbt parse --profiles-dir . --profile winnow --vars '{sequence_parts: 1}' --no-partial-parse --warn-error-options '{"error": "all"}' --quiet
	$(BIN)/sqlfluff lint --processes 2 models analyses tests/singular
	$(BIN)/dbt-bouncer

.PHONY: test
test: lint ## everything that a change must pass
	$(TWO_FILES) -m "not scale and not peers and not services and not faults"

.PHONY: test-scale
test-scale: $(VENV)/dev.stamp ## the slow suites: on millions of rows, of many builds, on all real data
	$(TWO_FILES) -m scale

.PHONY: test-faults
test-faults: $(VENV)/dev.stamp ## let every call of the system fail once in load, publish and export (about an hour)
	$(TWO_FILES) -m faults

.PHONY: test-peers
test-peers: $(PEERS)/peers.stamp ## let real PyTorch and RecBole read what is exported (installs 4.3 GB)
	PYTHONPATH=. $(PEERS)/bin/python -m pytest -p no:cacheprovider -o addopts="" tests/python/test_export_peers.py

# The browser is the system's. Where this may install it, it does; elsewhere the tests that need it say so.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
		|| { echo "Installing chromium"; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }

.PHONY: test-services
test-services: $(SERVICES)/services.stamp chromium ## publish to a real S3 server, look at the dashboard in a real browser, install the wheel (installs 1.4 GB, and Chromium)
	$(BIN)/pytest -m services

.PHONY: bench-dashboard
bench-dashboard: $(VENV)/dev.stamp $(SERVICES)/services.stamp chromium ## measure the dashboard's pages on what is published
	$(BIN)/python -m benchmarks.dashboard

.PHONY: bench
bench: $(VENV)/dev.stamp ## measure loading and building 10 million interactions (about a quarter of an hour)
	$(BIN)/python -m benchmarks.load_and_build

.PHONY: bench-sampling
bench-sampling: $(VENV)/dev.stamp $(PEERS)/peers.stamp ## compare negative samplers on real data and 20 million interactions (about an hour)
	$(BIN)/python -m benchmarks.sampling --peers-python $(PEERS)/bin/python

.PHONY: bench-ranking
bench-ranking: $(VENV)/dev.stamp ## ranking metrics of 1 million users x 100 recommendations, beside ranx (about eight minutes)
	$(BIN)/python -m benchmarks.ranking_metrics

.PHONY: evaluate-ml100k
evaluate-ml100k: $(VENV)/dev.stamp ## compare the baselines with published figures on ml-100k (about two minutes)
	$(BIN)/python -m benchmarks.evaluate_ml100k

.PHONY: lock
lock: $(VENV)/dev.stamp ## resolve the dependencies anew into requirements/*.lock
	$(BIN)/uv pip compile requirements/install.in --universal --generate-hashes --no-annotate --upgrade -q -o requirements/install.lock
	$(BIN)/uv pip compile requirements/build.in --universal --generate-hashes --no-annotate --upgrade -q -o requirements/build.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --generate-hashes --no-annotate --upgrade -q -o requirements/core.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dashboard --universal --generate-hashes --no-annotate --upgrade -q -o requirements/dashboard.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra build --extra dashboard --universal --generate-hashes --no-annotate --upgrade -q -o requirements/dev.lock
	$(BIN)/uv pip compile requirements/services.in --python-version 3.11 --universal --generate-hashes --no-annotate --upgrade -q -o requirements/services.lock
	$(BIN)/uv pip compile requirements/peers.in --excludes requirements/peers.exclude --python-version 3.11 --universal --generate-hashes --no-annotate --upgrade -q -o requirements/peers.lock

.PHONY: clean
clean: ## remove the warehouse, the lake and everything else that was made; the environment stays
	rm -rf winnow.duckdb winnow.duckdb.wal winnow.duckdb.tmp lake published target logs .winnow sample-data $(BATCH_RESULTS)
