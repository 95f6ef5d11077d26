# Two targets matter to a newcomer: `make serve` and `make test`. Both set up .venv first.
PYTHON ?= python3
# Installs in seconds what takes pip minutes. `make UV= serve` does without it.
UV ?= uv
VENV := .venv
# What serving needs, and what developing needs beside it.
SERVING := $(VENV)/.serving
READY := $(VENV)/.ready

# Where it is set, each of the hundreds of processes that tests start compiles all it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-busy bench bench-quick bench-page bench-environments bench-validation bench-following bench-loop bench-large bench-scaling bench-tensors bench-swaps bench-shadows bench-console walk soak soak-rollout orphans races same-twice pipeline-line doctor-cases bench-flavours row-wise environments environments-many test-deploy host-alone platform fuzz fuzz-openapi lint format lock clean bake-cases interop test-browser screenshots stubs
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Everything is pinned by constraints.txt; the set-up is done again only when the pins change.
$(SERVING): pyproject.toml constraints.txt
	$(call install,.)
	@touch $@

$(READY): pyproject.toml constraints.txt
	$(call install,.[dev])
	@touch $@ $(SERVING)

# uv does not read pip's configuration: an index of one's own is handed on, and where uv cannot
# install all the same, pip does.
define install
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"Podium needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Try: make PYTHON=python3.11 ..." if v < (3, 11) else 0)'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@export PIP_DISABLE_PIP_VERSION_CHECK=1; pip="$(VENV)/bin/python -m pip"; \
	index="$$($$pip config list | sed -n "s/^[^=]*\.index.url='\(.*\)'$$/\1/p" | tail -n 1)"; \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	[ -n "$(UV)" ] && $$pip install --quiet --constraint constraints.txt $(UV) \
	&& $(VENV)/bin/uv pip install --python $(VENV)/bin/python --constraint constraints.txt --editable '$(1)' \
	|| $$pip install --constraint constraints.txt --editable '$(1)'
endef

serve: $(SERVING) ## MLflow, a trained iris model and the service on this machine; Ctrl-C ends all of it
	@exec $(VENV)/bin/podium up

test: $(READY) ## run the tests
	$(VENV)/bin/python -m pytest

test-browser: $(READY) ## the console in Chromium, on real services; installs Debian's where it may, and fails without one
	@$(VENV)/bin/python -m tests.browser.chromium
	TEST_BROWSER=1 $(VENV)/bin/python -m pytest tests/browser -n2

screenshots: $(READY) ## the console's screenshots into docs/console, of real services
	@$(VENV)/bin/python -m tests.browser.chromium
	$(VENV)/bin/python -m tests.browser.screenshots --folder docs/console

test-busy: $(READY) ## the same while four other processes keep the cores busy
	$(VENV)/bin/python -m tests.busy

# Whole scenes with services of their own: two workers keep two cores busy.
test-deploy: $(READY) ## what deploy/ holds, by the programs that read it; brings prometheus, nginx and kubectl where they are missing
	sh tests/deploy/programs.sh $(VENV)/programs
	TEST_DEPLOY=1 $(VENV)/bin/python -m pytest -n2 tests/deploy

bench: $(READY) ## Podium beside its peers, all of it; writes docs/benchmarks.json and .svg
	$(VENV)/bin/python -m benchmarks --json docs/benchmarks.json --plot docs/benchmarks.svg

bench-quick: $(READY) ## the same in under two minutes; writes nothing
	$(VENV)/bin/python -m benchmarks --quick

bench-flavours: $(READY) ## each flavour of MLflow, in an environment of their own; writes docs/benchmarks-flavours.json and .svg
	$(VENV)/bin/python -m benchmarks.flavours --json docs/benchmarks-flavours.json --plot docs/benchmarks-flavours.svg

bench-page: $(READY) ## put the figures of docs/benchmarks*.json into docs/benchmarks.md
	$(VENV)/bin/python -m benchmarks.page

bench-environments: $(READY) ## what an environment of a version's own costs: to build, to start, in memory, at each request
	$(VENV)/bin/python -m benchmarks.environments

bench-validation: $(READY) ## what checking a request costs, beside what it costs others to read it
	$(VENV)/bin/python -m benchmarks.validation

bench-following: $(READY) ## how soon a move is seen in replies, and what looking costs
	$(VENV)/bin/python -m benchmarks.following

bench-loop: $(READY) ## how long one callback stops the loop where versions are wide; over 20 ms it fails
	$(VENV)/bin/python -m benchmarks.loop

bench-swaps: $(READY) ## latency at a quarter of the peak rate, with swaps and without
	$(VENV)/bin/python -m benchmarks.swaps

bench-shadows: $(READY) ## latency at a quarter of the peak rate, beside shadows that misbehave and without
	$(VENV)/bin/python -m benchmarks.shadows

bench-console: $(READY) ## what ten open consoles cost the front, a request
	$(VENV)/bin/python -m benchmarks.console

bench-large: $(READY) ## what small requests meet while bodies of 16 MB come in
	$(VENV)/bin/python -m benchmarks.large

bench-tensors: $(READY) ## what named tensors cost beside MLflow's JSON
	$(VENV)/bin/python -m benchmarks.named_tensors

bench-scaling: $(READY) ## what a second host adds where the model is all the work
	$(VENV)/bin/python -m benchmarks.scaling

walk: $(READY) ## which files of the front one request goes through, and one move of an alias
	$(VENV)/bin/python -m benchmarks.walk

soak: $(READY) ## 1,000 swaps under load with random faults, thrice; writes docs/soak.txt, soak-*.png
	$(VENV)/bin/python -m tests.soak --seed 1 --seed 2 --seed 3 --output docs/soak.txt

soak-rollout: $(READY) ## 200 changes of a rollout under load, 100,000 requests of 20,000 callers; writes docs/rollout-soak.txt
	$(VENV)/bin/python -m tests.rollout_soak --output docs/rollout-soak.txt

orphans: $(READY) ## 10,000 requests to a model that leaves two orphans at each: none is left
	TEST_ORPHANS=10000 $(VENV)/bin/python -m pytest tests/end_to_end/test_surroundings.py -k orphans -n0 -q --timeout=1200

same-twice: $(READY) ## the same model twice, validated 200 times: passes 199 at least; writes docs/same-twice.txt
	$(VENV)/bin/python -m tests.validation.same_twice --output docs/same-twice.txt

pipeline-line: $(READY) ## the GitLab example from webhook to rollback, each runner killed once; writes docs/pipelines.txt
	$(VENV)/bin/python -m tests.pipelines.line --output docs/pipelines.txt

bake-cases: $(READY) ## five real versions of each kind bake, good and bad; writes docs/bake-cases.txt
	$(VENV)/bin/python -m tests.bake_cases --output docs/bake-cases.txt

races: $(READY) ## 200 races of promotions on SQLite, and on PostgreSQL; writes docs/races.txt
	$(VENV)/bin/python -m tests.promotion.races > docs/races.txt

doctor-cases: $(READY) ## podium doctor on every set-up that is broken for it, and mended; writes docs/doctor-cases.txt
	TEST_DOCTOR_ALL=1 $(VENV)/bin/python -m pytest tests/doctor -n0 -v --tb=short --timeout=1200 > doctor.log || { cat doctor.log; exit 1; }
	{ echo "$$(date -u +%Y-%m-%d) named alone, mended as the sentence says, and nothing found then:"; \
	sed -n 's/.*test_one_thing[^[]*\[\(.*\)\] PASSED.*/\1/p' doctor.log; tail -n 1 doctor.log; } > docs/doctor-cases.txt; rm doctor.log

row-wise: $(READY) ## every class that is known to answer row by row, tried at length; writes docs/row-wise.txt
	TEST_ROW_WISE_ALL=1 $(VENV)/bin/python -m pytest tests/host/test_row_wise_classes.py -q --tb=line --timeout=1200 > row-wise.log || { cat row-wise.log; exit 1; }
	{ date -u +%Y-%m-%d; tail -n 1 row-wise.log; } > docs/row-wise.txt; rm row-wise.log

environments: $(READY) ## models of several years from environments of their own, on each Python that is there; writes docs/environments-matrix.txt
	$(VENV)/bin/python -m tests.environments.matrix --output docs/environments-matrix.txt

environments-many: $(READY) ## ten versions in ten environments, then one: what is left of memory and disk; writes docs/environments-many.txt
	$(VENV)/bin/python -m tests.environments.many --output docs/environments-many.txt

host-alone: $(READY) ## a host in Python 3.10 with its own libraries alone; makes an environment
	TEST_HOST_ALONE=1 $(VENV)/bin/python -m pytest tests/host/test_alone.py -n0 -q --timeout=1200

platform: $(READY) ## services as platforms run them: a proxy, a quota, a read-only root ...; needs nginx, root
	$(VENV)/bin/python -m tests.platform

fuzz: $(READY) ## 100,000 broken requests to a service with a model of every kind
	$(VENV)/bin/python -m tests.fuzz

interop: $(READY) ## other people's clients of the Open Inference Protocol, in environments of their own
	$(VENV)/bin/python -m tests.interop

fuzz-openapi: $(READY) ## schemathesis, all of it, on the same service
	$(VENV)/bin/python -m tests.fuzz.openapi

lint: $(READY) ## ruff (rules and format) and mypy strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(READY) ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

stubs: $(READY) ## write what speaks gRPC from the protocol's own file
	$(VENV)/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. service/contract/tensors/open_inference.proto

lock: ## pin anew what pyproject.toml admits (names and versions only)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet '.[dev,grpc,s3,azure,gcs]'
	.venv-lock/bin/python -m pip freeze --exclude podium > constraints.txt
	rm -rf .venv-lock

clean: ## remove the set-up and what a local MLflow has stored
	rm -rf $(VENV) .podium
