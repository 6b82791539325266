# Each target sets up all it needs; the environments are private and live in .venv/.
# `make` alone lists the targets. The habits behind them: CONTRIBUTING.md.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Nothing here reports home, opens a window, or touches the user's own Prefect and Airflow.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 120
export PREFECT_HOME := $(CURDIR)/.venv/home/prefect
export AIRFLOW_HOME := $(CURDIR)/.venv/home/airflow
export AIRFLOW__CORE__LOAD_EXAMPLES := False
export MPLBACKEND := Agg
export UV_NO_PROGRESS := 1
unexport VIRTUAL_ENV

PREFECT := .venv/prefect/bin
AIRFLOW := .venv/airflow/bin

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20


# --- Environments: one for each orchestrator, since their FastAPI pins exclude each other --------

# Any Python from 3.11 does; the pins are compiled for 3.11. (A shim may exist and not run: ask it.)
PYTHON := $(shell for p in python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && { echo $$p; break; }; done)
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo $(CURDIR)/.venv/tools/bin/uv)
UV_VERSION := 0.13.9

# A stamp is named by the content that its environment is made from, so a checkout or a touch rebuilds nothing.
key = $(firstword $(shell cat $(1) | cksum))
PREFECT_FROM := constraints/prefect.txt core/pyproject.toml integrations/prefect/pyproject.toml
AIRFLOW_FROM := constraints/airflow.txt core/pyproject.toml integrations/airflow/pyproject.toml
PREFECT_ENV := .venv/prefect/.made-from-$(call key,$(PREFECT_FROM))
AIRFLOW_ENV := .venv/airflow/.made-from-$(call key,$(AIRFLOW_FROM))
FLAVORS_FROM := constraints/flavors.txt core/pyproject.toml
FLAVORS_ENV := .venv/flavors/.made-from-$(call key,$(FLAVORS_FROM))$(TORCH)
SPARK_FROM := constraints/spark.txt core/pyproject.toml
SPARK_ENV := .venv/spark/.made-from-$(call key,$(SPARK_FROM))
DOCS_ENV := .venv/docs/.made-from-$(call key,constraints/docs.txt)

.PHONY: envs
envs: $(PREFECT_ENV) $(AIRFLOW_ENV) ## Build .venv/prefect and .venv/airflow; nothing to do when nothing changed

$(PREFECT_ENV): | $(UV)
	$(call make_env,constraints/prefect.txt,--editable core --editable integrations/prefect)

$(AIRFLOW_ENV): | $(UV)
	$(call make_env,constraints/airflow.txt,--editable core --editable integrations/airflow)

$(FLAVORS_ENV): | $(UV)
	$(call make_env,constraints/flavors.txt,--editable core)
	@$(if $(TORCH),$(UV) pip install --quiet --python $(@D)/bin/python torch==$(TORCH) || { rm -f $@; exit 1; })

$(SPARK_ENV): | $(UV)
	$(call make_env,constraints/spark.txt,--editable core)

$(DOCS_ENV): | $(UV)
	$(call make_env,constraints/docs.txt,)

# $(1) the pins, $(2) what is installed from here. `check` fails where a pyproject asks for what is not pinned.
define make_env
@echo "$(@D): installing $(1)"
@test -x $(@D)/bin/python || $(UV) venv --quiet --clear --python 3.11 $(@D) 2>/dev/null \
	|| $(UV) venv --quiet --clear --python '>=3.11,<3.14' $(@D)
@$(UV) pip install --quiet --python $(@D)/bin/python --exact --no-deps --requirement $(1) $(2)
@$(UV) pip check --quiet --python $(@D)/bin/python \
	|| { echo "$(1) does not hold what is declared: run 'make constraints'" >&2; exit 1; }
@rm -f $(@D)/.made-from-* && touch $@
endef

$(CURDIR)/.venv/tools/bin/uv:
	@test -n "$(PYTHON)" || { echo "no Python found: install Python 3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(CURDIR)/.venv/tools \
		|| { echo "$(PYTHON) has no venv module: install it (Debian: python3-venv), or install uv" >&2; exit 1; }
	@$(CURDIR)/.venv/tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: constraints
constraints: | $(UV) ## Compile constraints/*.in to pins; UPGRADE=1 takes newer versions
	@for name in prefect airflow flavors spark docs; do \
		$(UV) pip compile --quiet --python-version 3.11 --no-annotate --no-emit-index-url \
			--no-emit-find-links --no-emit-package stageline --no-emit-package prefect-stageline \
			--no-emit-package airflow-provider-stageline \
			--custom-compile-command "make constraints" $(if $(UPGRADE),--upgrade) \
			constraints/$$name.in --output-file constraints/$$name.txt >/dev/null; \
	done
	@git --no-pager diff --stat -- constraints 2>/dev/null || true


# --- The main job ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(PREFECT_ENV) ## Train and track the example (DATA=file.csv: on your data; STAGELINE_STORE=URL: into your store)
	@PREFECT_HOME="$(CURDIR)/.venv/home/demo" $(PREFECT)/python examples/elasticnet/flow.py $(if $(DATA),--data '$(DATA)')


# --- Tests ----------------------------------------------------------------------------------------
# Five suites. All of them run even if one fails; the last to run is core's, so its line closes the output.
# ARGS goes to pytest: make test-core ARGS='-k journal'

# A file's tests stay in one process: what it starts is started once. Each process of Prefect's suite has a server of
# its own; one process of Airflow's has the real Airflow (tests/airflow/conftest.py).
PARALLEL ?= -n auto --dist loadfile
# A flavor's module imports its framework, so those are for the environment that has them all.
CORE_TESTS = core/src/stageline tests --doctest-modules --ignore=tests/prefect --ignore=tests/airflow \
	--ignore=tests/flavors --ignore=core/src/stageline/models/flavors \
	--ignore=tests/spark --ignore=core/src/stageline/mlflow_plugin
# Hostile input is listened to by an audit hook. With one, and coverage's tracer, threads of CPython 3.11 now and then die
# before their first line: `sys.settrace` lets others run, and fails in whoever of them calls it.
UNTRACED = tests/core/hostile
# Once is enough for what no other version of a library decides: a browser on the same pages, simulated histories.
ONCE = --ignore=tests/core/ui/journeys --ignore=tests/core/simulation --ignore=tests/core/examples
ARGS ?=

# Tests name their own store; the user's settings are not theirs. With ARGS a suite may select nothing (5).
run_suite = mkdir -p "$(PREFECT_HOME)" "$(AIRFLOW_HOME)" && env -u STAGELINE_STORE -u PREFECT_API_URL $(1) $(ARGS) || { status=$$?; test $$status -eq 5 -a -n "$(ARGS)"; }
has_tests = test -n "$$(find $(1) -name 'test_*.py' -print -quit 2>/dev/null)"

# Pages are looked at in Debian's Chromium, in the suites of both orchestrators.
define need_chromium
@command -v chromium >/dev/null || ! command -v apt-get >/dev/null || { echo "== installing Chromium"; \
	apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; }
endef

# axe-core judges whether pages are accessible. Without npm, or the registry, that one test is skipped, and says so.
AXE_VERSION := 4.14.1
AXE := .venv/tools/axe-core-$(AXE_VERSION)
export AXE_SCRIPT := $(CURDIR)/$(AXE)/package/axe.min.js
define look_at_pages
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || ! command -v apt-get >/dev/null \
	|| { echo "== installing Chromium to look at the pages"; \
	apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	|| echo "no Chromium: install it to have the pages looked at" >&2; \
test -f "$(AXE_SCRIPT)" || ! command -v npm >/dev/null \
	|| { echo "== fetching axe-core"; mkdir -p $(AXE) && (cd $(AXE) && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null \
	&& tar -xzf axe-core-$(AXE_VERSION).tgz && rm axe-core-$(AXE_VERSION).tgz); } \
	|| echo "no axe-core: that test is skipped" >&2
endef

.PHONY: test test-prefect test-core test-airflow test-spark test-core-airflow
test: ## Core's tests in both environments, each integration's in its own
	@rm -f .coverage
	@$(MAKE) --no-print-directory --keep-going FLOOR=$(if $(ARGS),,yes) \
		test-prefect test-core test-airflow test-spark test-core-airflow

# What Prefect's pages show is looked at in a browser; without one those few tests are skipped, and say so.
test-prefect: $(PREFECT_ENV) ## integrations/prefect (installs Debian's Chromium where there is none and apt is)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || ! command -v apt-get >/dev/null \
		|| { echo "== installing Chromium to look at Prefect's pages"; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
		|| echo "no Chromium: install it to have Prefect's pages looked at" >&2
	@if $(call has_tests,tests/prefect); then echo "== prefect integration"; \
		$(call run_suite,$(PREFECT)/python -m pytest tests/prefect $(PARALLEL) --cov --cov-report= --cov-fail-under=0); \
	else echo "== prefect integration: no tests yet"; fi

# The floor (pyproject.toml) is that of both suites of this environment, so only `make test` holds it.
test-core: $(PREFECT_ENV) ## core, in the Prefect environment, with coverage (installs Chromium and fetches axe-core)
	@$(look_at_pages)
	@echo "== core, in the Prefect environment"
	@$(call run_suite,$(PREFECT)/python -m pytest $(UNTRACED) $(PARALLEL))
	@$(call run_suite,$(PREFECT)/python -m pytest $(CORE_TESTS) --ignore=$(UNTRACED) $(PARALLEL) \
		--cov $(if $(FLOOR),--cov-append,--cov-fail-under=0))

test-airflow: $(AIRFLOW_ENV) ## integrations/airflow (installs Debian's Chromium where there is none)
	$(need_chromium)
	@if $(call has_tests,tests/airflow); then echo "== airflow integration"; \
		$(call run_suite,$(AIRFLOW)/python -m pytest tests/airflow -n auto --dist loadgroup); \
	else echo "== airflow integration: no tests yet"; fi

# Spark 4 runs on Java 17 and later. The wheels that bring a JRE lack a module that it loads.
test-spark: $(SPARK_ENV) ## Models as functions of Spark's columns (installs Debian's headless JRE where there is no Java)
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version >/dev/null 2>&1 || { echo "== installing a JRE for Spark"; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends default-jre-headless >/dev/null; } \
		|| { echo "no Java found: install Java 17 or later (Debian: default-jre-headless)" >&2; exit 1; }
	@echo "== models on Spark"
	@$(call run_suite,.venv/spark/bin/python -m pytest tests/spark)

test-core-airflow: $(AIRFLOW_ENV) ## core, in the Airflow environment
	@$(look_at_pages)
	@echo "== core, in the Airflow environment"
	@$(call run_suite,$(AIRFLOW)/python -m pytest $(CORE_TESTS) $(ONCE) $(PARALLEL))

.PHONY: test-flavors
test-flavors: $(FLAVORS_ENV) ## Models of every framework, with the real MLflow (TORCH=2.13.0: torch too; not part of `make test`)
	@echo "== flavors, with MLflow"
	@$(call run_suite,.venv/flavors/bin/python -m pytest tests/flavors tests/core/models)


# Ten minutes for 10,000 histories on two processors that have nothing else to do. How they are judged: docs/faults.md.
SEEDS ?= 10000
FIRST ?= 0

.PHONY: simulate simulate-bugs linearizability
simulate: $(PREFECT_ENV) ## Simulated histories with every kind of trouble (SEEDS=10000 FIRST=0)
	@$(PREFECT)/python tests/core/simulation --seeds $(SEEDS) --first $(FIRST)

simulate-bugs: $(PREFECT_ENV) ## Plant bugs at real sites, and find each within 100 simulated histories
	@$(PREFECT)/python tests/core/simulation --bugs

HISTORIES ?= 300
linearizability: $(PREFECT_ENV) ## The registry under eight processes, in a folder and on SeaweedFS (HISTORIES=300, of 200 calls)
	@export HISTORIES=$(HISTORIES); $(call run_suite,$(PREFECT)/python -m pytest -q tests/core/simulation/test_linearizable.py -o faulthandler_timeout=7200)


MINUTES ?= 10
SEED ?= 1
.PHONY: soak
soak: $(PREFECT_ENV) ## kill -9 of trainings, servers and SeaweedFS for MINUTES=10, then judge what is left (SEED=1)
	@$(PREFECT)/python tests/soak --minutes $(MINUTES) --seed $(SEED) $(ARGS)

.PHONY: test-wheels
test-wheels: $(PREFECT_ENV) ## Wheels in fresh environments, Python 3.10 to 3.13, newest and lowest dependencies (minutes; not part of `make test`)
	@UV=$(UV) $(PREFECT)/python tests/install $(ARGS)

# Fuzzing has an environment of its own: atheris is for that alone.
.PHONY: fuzz
fuzz: | $(UV) ## Fuzz every parser, SECONDS=60 each (ARGS='MLmodel' picks)
	@test -x .venv/fuzz/bin/python || $(UV) venv --quiet --python 3.11 .venv/fuzz
	@$(UV) pip install --quiet --python .venv/fuzz/bin/python --editable 'core[ui]' 'atheris>=3.0'
	@.venv/fuzz/bin/python tests/fuzz $(or $(SECONDS),60) $(ARGS)


# --- Checks: what CI asks besides the tests ---------------------------------------------------------

.PHONY: check lint types layers house fmt
check: ## Lint, types, layers and house rules; all are run
	@$(MAKE) --no-print-directory --keep-going lint types layers house
	@echo "check: all is well"

lint: $(PREFECT_ENV) ## ruff: rules and format
	@status=0; $(PREFECT)/ruff check --quiet --output-format concise . || status=1; \
		$(PREFECT)/ruff format --check --quiet --output-format concise . || status=1; \
		test $$status -eq 0 || { echo "lint: 'make fmt' mends what can be mended" >&2; exit 1; }

types: $(PREFECT_ENV) $(AIRFLOW_ENV) ## mypy --strict on core and the integrations
	@status=0; $(PREFECT)/mypy core/src integrations/prefect/src || status=1; \
		$(PREFECT)/mypy --python-executable $(AIRFLOW)/python --cache-dir .mypy_cache/airflow integrations/airflow/src || status=1; \
		exit $$status

layers: $(PREFECT_ENV) ## import-linter: .importlinter
	@PYTHONPATH=integrations/airflow/src $(PREFECT)/lint-imports --no-logo

house: $(PREFECT_ENV) ## What must not be in the repository: tests/house/tidy.py
	@$(PREFECT)/python tests/house/tidy.py

fmt: $(PREFECT_ENV) ## Format, and fix what ruff can fix
	@$(PREFECT)/ruff check --quiet --fix . || true
	@$(PREFECT)/ruff format --quiet .


# --- Figures and pages ------------------------------------------------------------------------------

PEERS := $(if $(BENCH_PEERS),mlflow==3.17.2 trackio==0.43.0 dvclive==3.49.1)

.PHONY: bench
bench: $(PREFECT_ENV) ## Figures beside their bounds (BENCH_PEERS=1: beside the peers too; ARGS='log search' picks rows)
	@for peer in $(PEERS); do $(MAKE) --silent .venv/peers/$${peer/==/-}/.made; done
	@$(PREFECT)/python tests/bench $(if $(BENCH_PEERS),--peers .venv/peers) $(ARGS)

.venv/peers/%/.made: | $(UV)
	@echo "$(@D): installing a peer to compare with"
	@$(UV) venv --quiet --clear --python 3.11 $(@D)
	@peer="$*" && $(UV) pip install --quiet --python $(@D)/bin/python "$${peer%-*}==$${peer##*-}"
	@touch $@

.PHONY: screenshots
screenshots: $(PREFECT_ENV) $(AIRFLOW_ENV) ## Pictures of each page into docs/pictures, of Prefect's and Airflow's too (needs Chromium)
	@$(PREFECT)/python tests/core/ui/journeys/screenshots.py
	@$(PREFECT)/python -m pytest -q -p no:randomly tests/prefect/pictures.py
	@$(AIRFLOW)/python -m pytest -q -p no:randomly tests/airflow/pictures.py

.PHONY: bench-prefect
bench-prefect: $(PREFECT_ENV) ## What tracking adds to a task of Prefect
	@$(PREFECT)/python tests/bench/prefect_tasks.py $(ARGS)

.PHONY: bench-airflow
bench-airflow: $(AIRFLOW_ENV) ## What tracking adds to a task of Airflow, and to the parsing of a DAG file
	@$(AIRFLOW)/python tests/bench/airflow_tasks.py $(ARGS)

.PHONY: docs
docs: $(DOCS_ENV) $(PREFECT_ENV) ## Build the documentation into site/, its reference from the code
	@$(PREFECT)/python docs/hooks/reference.py docs/reference
	@NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --quiet --strict --site-dir site
	@echo "docs: site/index.html"

.PHONY: clean
clean: ## Remove caches and what was built; environments (.venv) and stores (mlstore) stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* \
		build dist site docs/reference core/dist integrations/*/dist .venv/home
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
