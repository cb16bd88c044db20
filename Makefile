# The commands of the project; `make help` lists them. CMake does the building, tools/ the rest.

PRESET ?= release
JOBS ?= $(shell nproc)
PYTHON = build/venv/bin/python
FUZZ_SECONDS ?= 60
# More arguments for the server of `make run`: make run ARGS="--pg-port 5433"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup parts build run test bench fmt lint asan tsan clang fuzz clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup:  ## Install what building and testing need (quick when it is there)
	@tools/setup.sh

parts: setup  ## Install the real servers that tests start (quick when they are there)
	@tools/setup_tests.sh

build: setup  ## Build everything into build/release
	@tools/build.sh $(PRESET) $(JOBS)

run: build  ## Build and start the server with its data in ./varve-data
	@exec build/release/varve serve --data-dir ./varve-data --collect-host $(ARGS)

test: build parts  ## Build and run every test; the last line is the total
	@$(PYTHON) tools/run_tests.py --jobs $(JOBS)

bench: build  ## Build and run the benchmarks, each printing a table
	@tools/build.sh $(PRESET) $(JOBS) varve_benchmarks
	@$(PYTHON) bench/run.py

fmt: setup  ## Format the C++ and TypeScript sources in place
	@$(PYTHON) tools/check_format.py --fix

lint: setup  ## Check layers, format, tidiness, types, headers, clang-tidy and lock annotations
	@$(PYTHON) tools/lint.py --jobs $(JOBS)

asan: parts  ## Unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build.sh asan $(JOBS)
	@$(PYTHON) tools/run_tests.py --jobs $(JOBS) --preset asan --units-only

tsan: parts  ## Unit tests under ThreadSanitizer
	@tools/build.sh tsan $(JOBS)
	@$(PYTHON) tools/run_tests.py --jobs $(JOBS) --preset tsan --units-only

clang: setup  ## Build everything with clang-19 and check the lock annotations
	@tools/build.sh clang $(JOBS)

fuzz: setup  ## Run each fuzz target for FUZZ_SECONDS (default 60)
	@tools/build.sh fuzz $(JOBS) varve_fuzzers
	@$(PYTHON) tools/run_fuzz.py --seconds $(FUZZ_SECONDS)

clean:  ## Remove what was built; what setup installed stays
	@rm -rf $(addprefix build/,release debug asan tsan clang fuzz lint)
