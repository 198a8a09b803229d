# What a newcomer types. `make help` lists it; each recipe is one line that a person could type by hand.
.DEFAULT_GOAL := help
.PHONY: help env proto servers browser demo up observe check lint types walls contracts k8s-check test prove bench locale format lock baseline clean
PYTHON ?= python3
PY := .venv/bin/python
# A run of the tests starts hundreds of processes: what one has compiled the others read.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

env: .venv/.installed proto ## the environment from the hashed lock, and the generated contracts

.venv/.installed: requirements.lock
	@echo "Installing the locked environment (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --disable-pip-version-check --progress-bar on --require-hashes -r requirements.lock
	@printf '%s\n' "$(CURDIR)" "$(CURDIR)/proto/gen" > $$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/receivables.pth
	@printf '#!/bin/sh\nexec "$${0%%/*}/python" -m services.command_line "$$@"\n' > .venv/bin/receivables && chmod +x .venv/bin/receivables
	@touch $@

PROTOS := $(shell find proto/receivables -name '*.proto')
proto: proto/gen/.made ## generate the Python code of the contracts

proto/gen/.made: $(PROTOS) | .venv/.installed
	@rm -rf proto/gen && mkdir -p proto/gen
	@echo "Generating the code of the contracts"
	@$(PY) -m grpc_tools.protoc -Iproto --python_out=proto/gen --grpc_python_out=proto/gen \
	  --plugin=protoc-gen-mypy=.venv/bin/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=.venv/bin/protoc-gen-mypy_grpc \
	  --mypy_out=quiet:proto/gen --mypy_grpc_out=quiet:proto/gen $(PROTOS)
	@touch $@

servers: env ## fetch the broker, the database and the official rule files (once)
	@$(PY) -m deploy.local fetch
	@$(PY) -m deploy.local.rules

browser: env
	@$(PY) -m deploy.local.browser > /dev/null

demo: servers ## play the sample business and prove its figures; ORDERS=file.csv BUYERS=file.csv CHAOS=1 ARGS="--help"
	@$(PY) -m deploy.demo play $(if $(ORDERS),--orders "$(ORDERS)") $(if $(BUYERS),--buyers "$(BUYERS)") $(if $(CHAOS),--chaos) $(ARGS)

up: servers ## the same, and stay up until Ctrl-C
	@$(PY) -m deploy.demo up $(if $(ORDERS),--orders "$(ORDERS)") $(if $(BUYERS),--buyers "$(BUYERS)") $(ARGS)

observe: env ## watch what `make up` has up: Prometheus, and one page of panels; PORT=8080
	@$(PY) -m deploy.observe $(if $(PORT),--port $(PORT))

check: lint types walls contracts test ## all that CI runs

lint: env ## form and style
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: env ## strict types
	$(PY) -m mypy

walls: env ## who may import whom
	.venv/bin/lint-imports --no-logo

contracts: env ## the contracts' style, and that nothing published was changed
	.venv/bin/buf lint proto
	.venv/bin/buf breaking proto --against tests/contract/published.binpb

k8s-check: env ## render every overlay and the chart, and judge them
	$(PY) -m k8s.check

test: servers browser ## unit, contract, integration and end-to-end tests on real servers
	$(PY) -m pytest -n 2 tests

prove: servers browser ## what takes longer: mutations, judges, fuzzing, alerts for real, random kills
	$(PY) -m deploy.local run -- $(PY) -m pytest -m prove tests

bench: servers ## how fast it is, into tests/benchmark/README.md; a part: ONLY=latency RUNS=1 ARGS="--help"
	$(PY) -m tests.benchmark --save $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

baseline: env ## publish the contracts and migrations as they are: what later versions must stay compatible with
	.venv/bin/buf build proto -o tests/contract/published.binpb
	$(PY) -m tests.contract.corpus
	$(PY) -m tests.contract.bounds
	$(PY) -m tests.contract.access
	$(PY) -m tests.contract.vocabulary
	$(PY) -m tests.contract.migrations

clean: ## remove what make made
	rm -rf .venv .cache var proto/gen

LOCK := uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
  --no-emit-find-links --no-annotate --custom-compile-command "make lock"
lock: ## resolve the dependencies anew into the hashed locks (needs uv)
	$(LOCK) --group dev -o requirements.lock
	$(LOCK) -c requirements.lock -o deploy/runtime.lock

locale: env ## renew the portal's catalogues from its templates and code, and say what lacks words
	@$(PY) -m deploy.catalogues

format: env ## put the code into its form
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
