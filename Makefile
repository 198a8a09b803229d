# What a newcomer types. `make help` lists it; each recipe is one line that a person could type by hand.
.DEFAULT_GOAL := help
.PHONY: help env proto demo up check format lock clean
PYTHON ?= python3
PY := .venv/bin/python
export PYTHONPATH := $(CURDIR):$(CURDIR)/proto/gen

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

env: .venv/.installed proto ## the environment from the hashed lock, and the generated contracts

.venv/.installed: requirements.lock
	@echo "Installing the locked environment (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --disable-pip-version-check --progress-bar on --quiet --require-hashes -r requirements.lock
	@touch $@

PROTOS := $(shell find proto/receivables -name '*.proto')
proto: proto/gen/.made ## generate the Python code of the contracts

proto/gen/.made: $(PROTOS) | .venv/.installed
	@rm -rf proto/gen && mkdir -p proto/gen
	$(PY) -m grpc_tools.protoc -Iproto --python_out=proto/gen --grpc_python_out=proto/gen \
	  --plugin=protoc-gen-mypy=.venv/bin/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=.venv/bin/protoc-gen-mypy_grpc \
	  --mypy_out=quiet:proto/gen --mypy_grpc_out=quiet:proto/gen $(PROTOS)
	@touch $@

lock: ## resolve the dependencies anew into the hashed lock (needs uv)
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" -o requirements.lock

format: env ## put the code into its form
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
