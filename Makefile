# `make` alone lists what can be made.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
FAULT ?=
ONLY ?=
LAB := $(BIN)/python -m lab
JOBS ?= 4
# Of make fuzz: the first seed, today's where it is empty, and how many.
SEED ?=
COUNT ?= 20
DECIDING := $(wildcard $(addprefix plugins/plugin_utils/,catalogue/*.py diagnosis/*.py)) \
	plugins/module_utils/secrets/redaction.py
SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))

.DEFAULT_GOAL := help
.PHONY: help install demo test nightly release lint sanity all-sanity unit coverage mutants molecule hosts all-hosts versions bench fleet trials lab shapes matrix fuzz score chaos record docs clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

install: .venv/installed ## make .venv with all that running, demo and tests need

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "rescue502 needs Python 3.11 or newer: install it, or name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@

lab: install ## install podman where it is missing, and build the lab host's image
	$(LAB) setup
	$(LAB) build

shapes: lab ## build the images of all shapes of lab hosts
	$(LAB) build all

demo: lab ## break a real host and recover it; FAULT=database/stopped takes any failure mode
	$(BIN)/rescue502 demo $(foreach fault,$(FAULT),--fault $(fault))

test: install ## what each change must pass: lint, unit tests, molecule, real hosts; at most 20 minutes
	$(MAKE) --jobs 2 --output-sync=line lint sanity unit lab
	$(MAKE) molecule
	$(MAKE) hosts

nightly: all-sanity coverage all-hosts ## all tests on real hosts, coverage of what decides, a seventh of the shapes' matrix, the evidence recorded anew, versions of Ansible and Python, new seeds of hosts and faults: hours
	$(MAKE) record ONLY=tonight
	$(MAKE) versions fuzz

coverage: install ## branches of what decides and of what masks secrets that unit tests take: at least 95 % of each file
	$(BIN)/pytest tests/unit -q -n $(JOBS) --cov --cov-report= --cov-fail-under=0
	@$(BIN)/coverage report --show-missing --fail-under=0 $(DECIDING)
	@for file in $(DECIDING); do $(BIN)/coverage report "$$file" >/dev/null || failed="$$failed $$file"; done; \
		test -z "$$failed" || { echo "below 95 %:$$failed" >&2; exit 1; }

mutants: install ## whether the unit tests notice faults in the logic that decides; ONLY=diagnosis/plan takes one module
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mutants]'
	$(BIN)/python -m tools.mutants

release: matrix chaos score mutants ## what a release is measured by: every mode on every shape, interruptions, the score

lint: install ## ruff, mypy, nothing written twice, yamllint, the changelog, ansible-lint in its production profile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pylint plugins src lab tools tests
	$(BIN)/yamllint --strict .
	$(BIN)/antsibull-changelog lint
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/ansible-lint --strict

sanity: install ## ansible-test sanity on the collection as it is released
	$(BIN)/python -m tools.sanity

all-sanity: install ## also what takes minutes, with every Python that is here
	$(BIN)/python -m tools.sanity --all

unit: install ## fast tests of pure logic, and of the controller with hosts that are scripts
	$(BIN)/pytest tests/unit tests/controller -q -n auto --dist loadgroup --junitxml=reports/unit.xml

molecule: lab ## the remedies alone and the whole recovery, on real hosts
	PATH=$(CURDIR)/$(BIN):$$PATH $(MAKE) --jobs 2 --output-sync=target $(SCENARIOS:%=molecule-%)

molecule-%:
	molecule test --scenario-name $*

hosts: lab ## each remedy, each promise and each kind of cause once on real hosts
	$(BIN)/pytest tests/hosts -q -n $(JOBS) --dist loadgroup -m "not nightly" --junitxml=reports/hosts.xml --durations=20

all-hosts: shapes ## every failure mode on real hosts, causes together, red herrings, healthy and hostile hosts
	$(BIN)/pytest tests/hosts -q -n $(JOBS) --dist loadgroup --junitxml=reports/all-hosts.xml --durations=40

matrix: shapes ## every failure mode on every shape of host that suits it: hours; SHAPE=unix takes one shape
	RESCUE502_MATRIX=$(or $(SHAPE),all) $(BIN)/pytest tests/hosts/test_failure_modes.py -k elsewhere -q -n $(JOBS)

fuzz: lab ## hosts and faults that a seed draws, diagnosed, recovered and judged; SEED=17 COUNT=20 JOBS=2, docs/fuzzing.md
	SEED=$(SEED) COUNT=$(COUNT) JOBS=$(JOBS) FAULTS=$(FAULTS) SHRINK=$(SHRINK) KEEP=$(KEEP) RECORD=$(RECORD) $(BIN)/python -m tools.fuzz

score: shapes ## how well causes are named and sites healed, compared with a restart, the runbook and monit; writes docs/own-scenarios.md
	$(BIN)/python -m tools.score

chaos: shapes ## every remedy interrupted in every way, and bad inputs: survived, lost or harmed; writes docs/chaos.md
	JOBS=$(JOBS) $(BIN)/python -m tools.chaos

bench: lab ## seconds of a diagnosis compared with those of a ping, medians of several
	$(BIN)/python -m tools.bench

fleet: lab ## forty real hosts, twelve of them broken in different ways, and one command; HOSTS=40
	HOSTS=$(HOSTS) $(BIN)/python -m tools.fleet

trials: JOBS = 1
trials: shapes ## cases that somebody else wrote, each once on a host of its own; CASES=folder ONLY='03 07' FAULT_ALONE=1
	CASES=$(CASES) ONLY='$(ONLY)' JOBS=$(JOBS) FAULT_ALONE=$(FAULT_ALONE) KEEP=$(KEEP) $(BIN)/python -m tools.trials

versions: lab ## diagnose and recover with each supported ansible-core and Python, on targets old and new; writes docs/versions.md
	$(BIN)/python -m tools.versions

record: lab ## record the evidence of failure modes on lab hosts, for the unit tests; ONLY=layer/name, name@shape, stale or tonight
	JOBS=$(JOBS) $(BIN)/python -m tools.record_evidence $(ONLY)

docs: install ## write docs/failure-modes from the catalogue
	$(BIN)/python -m tools.make_docs

clean: ## remove .venv, reports and lab hosts; the image stays
	-$(LAB) down --all
	rm -rf .venv reports .cache .pytest_cache .mypy_cache .ruff_cache
