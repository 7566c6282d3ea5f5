# Every recipe runs the project's Python, which is made first where it is missing: deploy/bootstrap.sh.
# No recipe holds a path of its own, so that make works in any folder, also by `make -f`.
ROOT := $(patsubst %Makefile,%,$(MAKEFILE_LIST))
# exec: a killed make is seen by the command itself, not by a shell between the two.
PYTHON := exec sh "$(ROOT)deploy/bootstrap.sh"
ARGS ?=
CHECKS ?=
LOCK = uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run stop test check bench chaos manage lock converge messages screenshots containers fuzz

help: ## list these targets
	@awk -F ':.* ## ' '/^[a-z]+:.* ## / { printf "make %-11s %s\n", $$1, $$2 }' "$(ROOT)Makefile"

run: ## start everything here in the foreground; PORT=8000 SIMULATOR_PORT=8001 choose the ports
	@$(PYTHON) -m deploy.run

stop: ## end what `make run` started
	@$(PYTHON) -m deploy.stop

# All of them in two processes, each with a database and a stand-in Stripe of its own.
test: ## run the tests in a database of their own; ARGS="-k basket" narrows them
	@$(PYTHON) -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile)

converge: ## every story's deliveries in all orders; ARGS="--at-most 50" tries fewer
	@$(PYTHON) -m deploy.converge $(ARGS)

check: ## format, lint, types, imports, messages, secrets, advisories, migrations, deployment; CHECKS="lint types" narrows them
	@$(PYTHON) -m deploy.check $(CHECKS)

bench: ## measure all that has a goal; QUICK=1 the ratios to peers alone; ARGS="--part checkout" one part; ARGS="--desk" the admin
	@$(PYTHON) -m deploy.bench $(if $(QUICK),--quick) $(ARGS)

chaos: ## kill everything while shoppers buy, then compare with Stripe; ARGS="--seconds 60"
	@$(PYTHON) -m tests.chaos $(ARGS)

containers: ## build the images and try them: the demo, and a server's life; ARGS="demo" for one of them (needs Docker)
	@$(PYTHON) -m tests.containers $(ARGS)

fuzz: ## strange requests to every address of the running product; ARGS="--cases 2000 --seed 7"
	@$(PYTHON) -m tests.fuzz $(ARGS)

manage: ## run a management command in the demo: ARGS="replay --check"
	@$(PYTHON) -m deploy.manage $(ARGS)

messages: ## bring locale/ up to the texts in the code, and say what is not translated
	@$(PYTHON) -m deploy.messages

screenshots: ## take a picture of every state of the shop, onto one sheet in docs/screenshots
	@$(PYTHON) -m tests.browser.screenshots $(ARGS)

lock: ## lock the requirements of pyproject.toml again (needs uv)
	@cd "$(or $(ROOT),.)" && $(LOCK) -o requirements.txt && $(LOCK) --extra simulator -o requirements-simulator.txt && $(LOCK) --extra dev -o requirements-dev.txt
