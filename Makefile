# Everything a contributor runs. `make help` lists the targets; CI runs `make check`.
#
# Cargo is called through scripts/cargo: linked against the prebuilt DuckDB, locked, one profile for everything.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(abspath $(TARGET_DIR)/release/altertable-mock)
CONFORMANCE := $(abspath $(TARGET_DIR)/release/altertable-conformance)
CARGO := scripts/cargo
VENV := scripts/setup-venv
MAVEN := mvn --quiet --batch-mode --no-transfer-progress -Dstyle.color=never

# The credentials of the examples in README.md and docs.
DEMO := --user alice:secret --api-key demo-key
ARGS ?=

# What `make build` and `make run` compile. The tests build the whole workspace at once instead: cargo would otherwise
# compile the shared dependencies twice, with the features that the server needs and with those that everything needs.
SCOPE ?= --package altertable-mock
WORKSPACE := --workspace --features altertable-mock-conformance/testcontainers
lint check test test-% support conformance-%: export SCOPE := $(WORKSPACE) --all-targets

# What `make conformance` tests: in-process, container, or url (URL=http://host:15000; see CONTRIBUTING.md).
TARGET ?= in-process
URL ?= http://localhost:15000

# The languages that have a runner, and where each leaves its report.
LANGUAGES ?= rust python node java go
REPORTS := $(abspath $(TARGET_DIR))/conformance

# Which mutants `make mutants` makes: one of sixty equal parts, the same ones every time.
PART ?= 0/60

# How long each fuzz target runs, and which: all of fuzz/targets.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= lexer guard flight arrow load

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: tools
tools:
	@scripts/check-tools

.PHONY: setup
setup: tools ## Fetch what building and testing need: DuckDB, crates, cargo-deny, Python clients
	@scripts/setup-duckdb
	@cargo fetch --locked
	@scripts/setup-cargo-tool cargo-deny
	@scripts/setup-cargo-tool cargo-machete
	@$(VENV) tests/python/requirements.txt
	@$(VENV) tests/python/legacy/requirements.txt
	@$(VENV) tests/dbt/requirements.txt
	@$(VENV) python/tests/requirements.txt
	@$(VENV) python/tests/requirements-newest-duckdb.txt
	@$(VENV) scripts/requirements.txt

.PHONY: build
build: tools ## Build the release binary, linked against the prebuilt DuckDB
	@$(CARGO) build $(SCOPE)
	@printf 'Built %s\n' "$(BINARY)"

.PHONY: run
run: build ## Run the server with the demo credentials (more flags: make run ARGS="--tls ...")
	@exec "$(BINARY)" $(DEMO) $(ARGS)

.PHONY: test
test: test-rust test-python test-postgres test-postgres-clients test-hostile test-java test-go test-node test-dbt test-browser test-openapi test-package test-readme test-support ## Run every test

.PHONY: test-rust
test-rust: build ## Run the Rust tests of the workspace
	@$(CARGO) test $(WORKSPACE)

.PHONY: test-python
test-python: build ## Run the tests that use the published Python clients
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" tests/python --ignore tests/python/legacy --ignore tests/python/conformance
	@bin=$$($(VENV) tests/python/legacy/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" tests/python/legacy

.PHONY: test-postgres
test-postgres: build ## Send the same messages to PostgreSQL 15 and to the PostgreSQL door, and use that by its drivers
	@postgres=$$(scripts/setup-postgres) && bin=$$($(VENV) tests/postgres/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" POSTGRES_BIN="$$postgres" "$$bin/pytest" --quiet tests/postgres --ignore tests/postgres/clients

.PHONY: test-postgres-clients
test-postgres-clients: build ## Have PostgreSQL clients of many languages do the same with PostgreSQL 15 and with the PostgreSQL door
	@scripts/test-postgres-clients "$(BINARY)" -m "not slow"

.PHONY: test-postgres-clients-all
test-postgres-clients-all: build ## The same with dbt, object mappers and SQLAlchemy's dialect suite (some minutes, not part of test)
	@scripts/test-postgres-clients "$(BINARY)"

.PHONY: test-hostile
test-hostile: build ## Attack the server by hostile statements and calls, and hold it to its other tenants
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" --quiet --numprocesses 2 tests/hostile -m "not slow"

.PHONY: test-hostile-all
test-hostile-all: build ## The same with the attacks that take long, and every family of nesting at every depth (many minutes, not part of test)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" --quiet tests/hostile

.PHONY: soak
soak: build ## Run a mixed load and measure whether anything grows (SOAK_MINUTES=10; a day: SOAK_MINUTES=1440)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/python" tests/soak/soak.py "$(abspath $(TARGET_DIR))/soak"

.PHONY: test-browser
test-browser: build ## Run the pages that send events from another origin in headless Chromium
	@chromium=$$(scripts/setup-chromium) && bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" CHROMIUM="$$chromium" "$$bin/pytest" tests/browser

.PHONY: test-java
test-java: build ## Run the tests that use the Flight SQL JDBC driver
	@scripts/setup-toolchain java
	@cd tests/java && ALTERTABLE_MOCK_BINARY="$(BINARY)" $(MAVEN) test

.PHONY: test-go
test-go: build ## Run the tests that use the Go driver of ADBC
	@scripts/setup-toolchain go
	@cd tests/go && test -z "$$(gofmt -l . | tee -a /dev/stderr)" && go vet ./... && ALTERTABLE_MOCK_BINARY="$(BINARY)" go test -count=1 ./adbc

.PHONY: test-dbt
test-dbt: build ## Run a small dbt project through dbt-altertable
	@bin=$$($(VENV) tests/dbt/requirements.txt)/bin && ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" tests/dbt

.PHONY: test-node
test-node: build ## Run the tests that use the published JavaScript client
	@scripts/setup-toolchain node
	@cd tests/node && npm ci --silent --no-audit --no-fund && ALTERTABLE_MOCK_BINARY="$(BINARY)" node --test lakehouse.test.js faults.test.js

.PHONY: test-uploads
test-uploads: build ## Upload 4 GiB of CSV and 2 GiB of Parquet within 512 MiB of memory (some minutes, not part of test)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  FULL_UPLOADS=1 ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" tests/python/test_lakehouse_uploads.py -k large

.PHONY: test-memory
test-memory: build ## Hold the process to its memory after 100,000 queries, 10,000 sessions and more (some minutes, not part of test)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  FULL_MEMORY=1 ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/pytest" -s tests/python/test_memory.py

.PHONY: test-openapi
test-openapi: build ## Send both HTTP doors what their OpenAPI documents allow, and much that they do not
	@bin=$$($(VENV) tests/openapi/requirements.txt)/bin && ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/python" tests/openapi/fuzz.py

# The package as a wheel would install it, from the extension module that `build` has made with all the rest.
.PHONY: test-package
test-package: build ## Run the tests of the Python package: API, doctests, plugin, types, beside two DuckDBs
	@bin=$$($(VENV) python/tests/requirements.txt)/bin && newest=$$($(VENV) python/tests/requirements-newest-duckdb.txt)/bin && \
	  PYTHONPATH=$$(scripts/stage-python "$(abspath $(TARGET_DIR)/release)") && export PYTHONPATH && cd python && \
	  "$$bin/mypy" python/altertable_mock && "$$bin/stubtest" altertable_mock._native --mypy-config-file pyproject.toml && \
	  "$$bin/pytest" -p no:cacheprovider --numprocesses 2 --doctest-modules tests "$$PYTHONPATH/altertable_mock" && \
	  "$$bin/pytest" -p no:cacheprovider --numprocesses 4 --config-file examples/shop/pyproject.toml examples/shop && \
	  "$$newest/pytest" -p no:cacheprovider tests/test_duckdb.py

.PHONY: test-readme
test-readme: build ## Run the commands of the README and docs as printed and compare their output
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  "$$bin/pytest" --quiet tests/readme && PATH="$$bin:$$PATH" python tests/readme/run.py

.PHONY: test-support
test-support: build ## Hold the support table to contract and spec, and test what judges runs
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  ALTERTABLE_CONFORMANCE="$(CONFORMANCE)" "$$bin/pytest" --quiet tests/conformance

.PHONY: support
support: build ## Write docs/support.md from a run of the behaviour spec
	@mkdir -p "$(REPORTS)"
	@CONFORMANCE_REPORT="$(REPORTS)/rust.json" $(MAKE) --no-print-directory conformance-rust
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && "$$bin/python" tests/conformance/support.py "$(REPORTS)/rust.json"

.PHONY: conformance
conformance: tools $(if $(filter container,$(TARGET)),image) ## Run the behaviour spec (TARGET=in-process, container, or url with URL=...)
	@$(if $(filter container,$(TARGET)),scripts/setup-docker >/dev/null &&) \
	  CONFORMANCE_TARGET="$(TARGET)" $(if $(filter url,$(TARGET)),CONFORMANCE_URL="$(URL)") \
	  $(CARGO) test $(WORKSPACE) --package altertable-mock-conformance --test spec

.PHONY: image
image: tools ## Build the Docker image (PROGRAM=prebuilt: with the program that this machine compiles)
	@SCOPE="$(WORKSPACE) --all-targets" scripts/build-image

.PHONY: test-image
test-image: image ## Run the tests of the image and of the recipes for it in docs/docker.md
	@docker=$$(scripts/setup-docker) && bin=$$($(VENV) tests/image/requirements.txt)/bin && \
	  DOCKER="$$docker" "$$bin/pytest" tests/image
	@$(CARGO) test $(WORKSPACE) --package altertable-mock-conformance --test container -- --ignored

.PHONY: conformance-all
conformance-all: build ## Run the behaviour spec in every language, and print clauses by languages (LANGUAGES="rust go": some)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && \
	  MAKE="$(MAKE)" "$$bin/python" tests/conformance/run_all.py "$(REPORTS)" $(LANGUAGES)

# The program that runs the spec, by itself or with the calls of another language, and its target.
conformance-%: export ALTERTABLE_CONFORMANCE := $(CONFORMANCE)
conformance-%: export CONFORMANCE_TARGET := $(if $(CONFORMANCE_URL),url,$(or $(CONFORMANCE_TARGET),in-process))

.PHONY: conformance-rust
conformance-rust: build ## Run the behaviour spec with altertable-conformance (CONFORMANCE_URL=... for another server)
	@"$(ALTERTABLE_CONFORMANCE)" run

.PHONY: conformance-python
conformance-python: build ## Run the behaviour spec with the Python clients (CONFORMANCE_URL=... for another server)
	@bin=$$($(VENV) tests/python/requirements.txt)/bin && "$$bin/pytest" --quiet --capture no tests/python/conformance

.PHONY: conformance-go
conformance-go: build ## Run the behaviour spec with the Go clients (CONFORMANCE_URL=... for another server)
	@scripts/setup-toolchain go
	@cd tests/go/conformance && go test -count=1

.PHONY: conformance-java
conformance-java: build ## Run the behaviour spec with the Java clients (CONFORMANCE_URL=... for another server)
	@scripts/setup-toolchain java
	@cd tests/java && $(MAVEN) test -Pconformance

.PHONY: conformance-node
conformance-node: build ## Run the behaviour spec's HTTP cases with fetch and the JavaScript client (CONFORMANCE_URL=... for another server)
	@scripts/setup-toolchain node
	@cd tests/node && npm ci --silent --no-audit --no-fund && node --test conformance/conformance.test.js

.PHONY: mutants
mutants: tools ## Change the server in small ways and list what the suite does not notice (an hour; another part: PART=1/60)
	@scripts/test-mutants "$(PART)" "$(abspath $(TARGET_DIR))/mutants"

.PHONY: fuzz
fuzz: tools ## Send what libFuzzer makes of the spec's inputs (FUZZ_SECONDS=600 each; some: FUZZ_TARGETS="guard lexer")
	@scripts/test-fuzz "$(FUZZ_SECONDS)" "$(abspath $(TARGET_DIR))/fuzz" $(FUZZ_TARGETS)

.PHONY: bench
bench: build ## Measure the release binary beside the same work in process (some of it: make bench PARTS=lakehouse)
	@$(CARGO) build $(WORKSPACE) --package altertable-mock-conformance --example small_queries
	@bin=$$($(VENV) tests/bench/requirements.txt)/bin && \
	  ALTERTABLE_MOCK_BINARY="$(BINARY)" "$$bin/python" tests/bench/bench.py $(PARTS)

.PHONY: check
check: lint deny test ## Do everything CI does, but for the image

.PHONY: check-image
check-image: ## Do what CI does with the image: its tests, and the behaviour spec
	@$(MAKE) --no-print-directory test-image
	@$(MAKE) --no-print-directory conformance TARGET=container

.PHONY: lint
lint: tools ## Check formatting, clippy, shell scripts, Python and workflows
	@cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check
	@$(CARGO) clippy $(SCOPE) -- --deny warnings
	@bin=$$($(VENV) scripts/requirements.txt)/bin && \
	  "$$bin/shellcheck" scripts/build-* scripts/cargo scripts/check-* scripts/fill-* scripts/setup-* scripts/stage-* scripts/test-* .ci/run && \
	  "$$bin/ruff" check --quiet fuzz tests python && \
	  "$$bin/ruff" format --quiet --check fuzz tests python
	@bin=$$($(VENV) scripts/requirements.txt)/bin && actionlint=$$(scripts/setup-actionlint) && \
	  "$$actionlint" -shellcheck "$$bin/shellcheck" && \
	  sed -n '/^```yaml$$/,/^```$$/{/^```/!p;}' docs/sdk-authors.md | "$$actionlint" -shellcheck "$$bin/shellcheck" -
	@if grep -rnE 'uses: [^ ]+@' .github/workflows docs | grep -vE '@[0-9a-f]{40} # v[0-9]'; then \
	  echo "error: the actions above are named by something that may change: name each by its commit, as in @<40 digits> # v1.2.3" >&2; exit 1; fi

.PHONY: deny
deny: tools ## Check the dependencies: licences, bans, sources, and that each is used
	@deny=$$(scripts/setup-cargo-tool cargo-deny) && \
	  "$$deny" --locked --no-default-features --features altertable-mock-conformance/testcontainers check --hide-inclusion-graph licenses bans sources
	@machete=$$(scripts/setup-cargo-tool cargo-machete) && "$$machete" server conformance python fuzz

.PHONY: fmt
fmt: tools ## Format the Rust and Python sources
	@cargo fmt --all && cargo fmt --manifest-path fuzz/Cargo.toml
	@bin=$$($(VENV) scripts/requirements.txt)/bin && "$$bin/ruff" format --quiet fuzz tests python && "$$bin/ruff" check --quiet --fix fuzz tests python

.PHONY: wheel
wheel: tools ## Build the Python wheel for old systems too, into the target folder's dist (a compilation of its own)
	@scripts/build-wheel "$(abspath $(TARGET_DIR))/dist"

# Not part of `make test`: a wheel links old system libraries, and so shares no compilation with the rest.
.PHONY: test-wheel
test-wheel: wheel ## Prove the wheel in an empty environment
	@scripts/test-wheel "$(abspath $(TARGET_DIR))"/dist/altertable_mock-*.whl

.PHONY: bench-package
bench-package: wheel ## Measure the wheel: first answer, fresh tenants, memory
	@venv=$$(mktemp -d) && trap 'rm -rf "$$venv"' EXIT && python3 -m venv "$$venv" && \
	  "$$venv/bin/pip" install --quiet "$(abspath $(TARGET_DIR))"/dist/altertable_mock-*.whl duckdb==1.5.5 && \
	  "$$venv/bin/python" python/bench/bench.py

.PHONY: bundled
bundled: tools ## Build with DuckDB compiled in (20 to 25 minutes; no shared library)
	@cargo build --release --locked --package altertable-mock --target-dir "$(TARGET_DIR)/bundled"
	@printf 'Built %s\n' "$(abspath $(TARGET_DIR)/bundled/release/altertable-mock)"

.PHONY: clean
clean: ## Remove the build output (the caches in ~/.cache/altertable-mock stay)
	@cargo clean
