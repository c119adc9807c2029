.PHONY: setup demo test browser-test check bench
.DEFAULT_GOAL := help
BIN := .venv/bin

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/.installed: pyproject.toml requirements.lock
	@if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python ">=3.11" .venv && \
	  uv pip install --quiet --python $(BIN)/python -r requirements.lock -e . --no-deps; \
	else \
	  python3 -m venv .venv && $(BIN)/pip install --quiet -r requirements.lock && $(BIN)/pip install --quiet --no-deps -e .; \
	fi
	@touch $@

setup: .venv/.installed ## Makes .venv with rootwatch in its bin/

demo: setup ## Shows alerts from a realistic morning on an embedded broker
	@$(BIN)/rootwatch demo

test: setup ## Runs the tests, on a real Apache Kafka that they start
	$(BIN)/python -m pytest

browser-test: setup ## Looks at the backtest report in a real Chromium (apt install chromium chromium-driver)
	$(BIN)/python -m pytest tests/backtest/browser_report.py

check: setup ## Lints, types and the floors' import rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Measures speed beside peers, in one run each
	$(BIN)/python bench/live.py
	$(BIN)/python bench/backtest_topic.py
	$(BIN)/python bench/backtest_archive.py
