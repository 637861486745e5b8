# `make` alone lists the targets. Everything that they make is in build/ and .venv/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROOT := $(CURDIR)
COLLECTIONS := build/collections
LINK := $(COLLECTIONS)/ansible_collections/lockstep/backup
# The files of the collection without what git ignores, as a real folder: some tools resolve links, or walk into build/.
TREE := build/tree/ansible_collections/lockstep/backup
GATES := lint types docs importer pytest molecule sanity
PYTEST := python -m pytest --numprocesses 2 --dist worksteal

# Set for every recipe: the tools of .venv come first, and no setting of the user's reaches them. A user's own ansible.cfg
# would be refused or preferred depending on the folder, so ours is named.
export PATH := $(ROOT)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(ROOT)/.venv
export ANSIBLE_CONFIG := $(ROOT)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(ROOT)/$(COLLECTIONS)
export PYTHONPATH := $(ROOT)/$(COLLECTIONS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup nightly test lint types unit integration pytest sanity docs importer molecule bench lab lab-down tree clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r target what; do printf '  make %-12s %s\n' "$$target" "$$what"; done

## ---- setting up

setup: .venv/complete $(LINK) ## the virtual environment from the lock, and the link that makes this folder a collection

.venv/complete: requirements-dev.lock
	@echo "Setting up .venv with what requirements-dev.lock names (about half a minute)"
	@rm -rf .venv
	@$$(tests/checks/find_python.sh) -m venv .venv
	@pip install -qq --no-deps -r requirements-dev.lock
	@pip check
	@touch $@

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

## ---- using it

nightly: setup ## the main job: start the lab, back it up with playbooks/nightly.yml, show what happened, stop the lab
	@if ! python -m tests.lab status >/dev/null 2>&1; then \
	  python -m tests.lab up; \
	  trap 'echo; python -m tests.lab status; python -m tests.lab down' EXIT; \
	fi; \
	ansible-playbook playbooks/nightly.yml --inventory inventories/lab

lab: setup ## a lab left running, to play with
	@python -m tests.lab up
	@python -m tests.lab play

lab-down: setup ## stop that lab
	@python -m tests.lab down

bench: setup ## measure; prints a table and writes build/bench.json
	@python -m tests.bench

## ---- checking it

test: setup ## every check below, then a table of results
	@tests/checks/all.sh $(GATES)

lint: setup ## style, security, shell, YAML, playbooks and roles, Python 3.8 for what runs on targets
	@failed=0; \
	ruff check || failed=1; \
	ruff format --check || failed=1; \
	vermin --quiet --no-tips --violations --target=3.8- plugins/modules plugins/module_utils || failed=1; \
	shellcheck .ci/run tests/checks/*.sh tests/uml/*.sh || failed=1; \
	yamllint --strict . || failed=1; \
	ansible-lint || failed=1; \
	exit $$failed

types: setup ## mypy, strict, over plugins and tests
	@env -u PYTHONPATH mypy

unit: setup ## tests of single parts
	@$(PYTEST) tests/unit

integration: setup ## tests on the lab
	@$(PYTEST) tests/integration

pytest: setup
	@mkdir -p build
	@$(PYTEST) 2>&1 | tee build/pytest.log

docs: setup tree ## documentation of modules, roles and changes
	@antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all --disallow-unknown-collection-refs \
	  --check-extra-docs-refs $(TREE)
	@antsibull-changelog lint

importer: build/dist ## what Galaxy checks on import, and the definition of the execution environment
	@tests/checks/importer.sh build/dist/*.tar.gz
	@ansible-builder create --file execution-environment.yml --context build/execution-environment --output-filename Containerfile

.PHONY: build/dist
build/dist: setup tree
	@rm -rf $@
	@ansible-galaxy collection build --output-path $@ $(TREE)

molecule: setup ## the molecule scenarios
	@cd extensions && molecule test --all

sanity: setup tree ## ansible-test sanity, without exceptions
	@tests/checks/sanity.sh $(TREE)

tree:
	@rm -rf $(TREE)
	@mkdir -p $(TREE)
	@git ls-files -z --cached --others --exclude-standard --deduplicate \
	  | while IFS= read -r -d '' file; do [[ ! -e $$file ]] || printf '%s\0' "$$file"; done \
	  | tar --null --files-from - -cf - | tar -xf - -C $(TREE)
	@git init --quiet $(TREE) # or tools would take it for an ignored part of this repository

clean: ## remove what was made
	@if [[ -x .venv/bin/python ]] && [[ -e $(LINK) ]]; then python -m tests.lab down || true; fi
	@rm -rf build .venv .cache .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
