# Mailmatic. `make` alone prints this help.
.DEFAULT_GOAL := help
.PHONY: help run up down logs status psql shell scale setup setup-test test fuzz bench bench-campaign bench-submission bench-tracker lint format migration settings lock clean
SHELL := /bin/bash
BIN := .venv/bin
# many short processes: none should compile anew what another has compiled
unexport PYTHONDONTWRITEBYTECODE
# all tests at once are shared out, file by file, among three processes with a cluster each; but not servers that are given
GIVEN := $(TEST_DATABASE_URL)$(TEST_RABBITMQ_URL)$(TEST_REDIS_URL)
SHARED_OUT := $(if $(GIVEN),,--numprocesses=3 --dist=loadfile)

help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run it
run: setup ## Start everything, deliver a first email, show the logs (Ctrl-C stops it)
	@exec $(BIN)/python -m deploy.local run
up: setup ## The same in the background
	@$(BIN)/python -m deploy.local up
down: ## Stop what runs in the background
	@$(BIN)/python -m deploy.local down
logs: ## Follow the logs
	@exec $(BIN)/python -m deploy.local logs
status: ## Every process and how it is
	@$(BIN)/python -m deploy.local status
psql: ## A psql on the cluster's database
	@exec $(BIN)/python -m deploy.local psql
shell: ## A Python with the cluster's settings
	@exec $(BIN)/python -m deploy.local shell
scale: ## More processes of a worker: SERVICE=sender N=4
	@$(BIN)/python -m deploy.local scale $(SERVICE) $(N)

##@ Work on it
setup: ## Install what is missing: distribution packages and .venv
	@deploy/local/setup.sh
setup-test: ## The same, with what only the tests need
	@deploy/local/setup.sh test
test: setup-test ## Run the tests; T=tests/unit narrows
	$(BIN)/pytest $(or $(T),$(SHARED_OUT))
fuzz: setup-test ## Thousands of generated requests against every operation, and of malformed SMTP sessions
	FUZZ_CASES=100 $(BIN)/pytest tests/integration/gateway/test_fuzz.py --timeout=600
	FUZZ_SESSIONS=$${FUZZ_SESSIONS:-10000} $(BIN)/pytest tests/integration/gateway/submission/test_fuzz.py --timeout=3600
bench: setup-test ## Measure: B="accepting sending campaign submission tracking" narrows
	$(BIN)/python -m tests.bench $(B)
bench-campaign: setup-test ## Measure campaigns: CONTACTS=100000 RUNS=3 JSON=file
	$(BIN)/python -m tests.bench campaign --contacts $(or $(CONTACTS),100000) --runs $(or $(RUNS),3) $(if $(JSON),--json $(JSON))
bench-submission: setup-test ## Mail that comes by SMTP, beside a plain handler; 10,000 sessions and their memory
	$(BIN)/python -m tests.bench submission
bench-tracker: setup-test ## The tracker beside a bare WSGI callable: TRACKING_HITS=10000 RUNS=3
	$(BIN)/python -m tests.bench tracking --runs $(or $(RUNS),3)
chaos-campaign: setup-test ## Kill fan-out and senders in the middle of a campaign: CONTACTS=50000 KILLS=20
	$(BIN)/python -m tests.chaos.campaign --contacts $(or $(CONTACTS),50000) --kills $(or $(KILLS),20)
lint: setup ## ruff, mypy and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy deploy
	$(BIN)/lint-imports
format: setup ## Format the code and mend what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
migration: setup ## A new migration out of the models, against the running cluster: M="what it does"
	@$(BIN)/python -m deploy.local migration "$(M)"
settings: setup ## Write docs/settings.md out of shared/settings/
	$(BIN)/python -m shared.settings > docs/settings.md
lock: setup ## Resolve the dependencies of pyproject.toml into requirements/*.lock
	@deploy/local/lock.sh
clean: ## Remove .venv and .local: the cluster's data too
	@$(BIN)/python -m deploy.local down || true
	rm -rf .venv .local
