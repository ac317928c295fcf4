# One word each: run test parity test-guest build venv asan compilers lint format man bench bench-guest peers guest-tools clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DATAPLANE = pytestpmd/_dataplane.abi3.so
C_FILES = $(shell find pytestpmd -name '*.[ch]' -not -name _dataplane.c)
PY_FILES = pytestpmd tests bench setup.py
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check install
BUILD_EXT = $(BIN)/python setup.py --quiet build_ext
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
TESTS ?=

# Python itself leaks by design. tests/asan/sitecustomize.py does the rest.
ASAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -UNDEBUG -Werror
ASAN_ENV = PYTHONPATH=tests/asan PYTESTPMD_DATAPLANE=$(CURDIR)/build/asan/$(DATAPLANE) \
	PYTESTPMD_SANITIZERS="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:handle_sigbus=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONMALLOC=malloc

.PHONY: run test parity test-guest build venv asan compilers lint format man bench bench-guest peers guest-tools clean

run: build
	@$(BIN)/pytestpmd -- -i --cmdline-file=docs/demo.testpmd

test: build
	@$(BIN)/python -m pytest $(TESTS)

# How much of the original's console is here: a table by scope, and what fails.
parity: build
	@PYTHONPATH=tests $(BIN)/python -m parity.report 2>/dev/null

# What boots guests of QEMU: see tests/guest/README.md.
test-guest: build
	@$(BIN)/python -m pytest --timeout=600 $(or $(TESTS),tests/guest)

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) 'setuptools>=77' 'cffi>=1.16'
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

build: $(DATAPLANE)

$(DATAPLANE): $(VENV)/.installed $(C_FILES) pytestpmd/_build.py
	@$(BUILD_EXT) --inplace
	@touch $@

# The whole suite under AddressSanitizer and UndefinedBehaviorSanitizer; TESTS=... for a part of it.
asan: $(VENV)/.installed
	@CC=gcc PYTESTPMD_CFLAGS="$(ASAN_FLAGS)" PYTESTPMD_LDFLAGS="-fsanitize=address,undefined" \
		$(BUILD_EXT) --build-lib build/asan --build-temp build/asan/tmp
	@$(ASAN_ENV) $(BIN)/python -m pytest --timeout=600 $(TESTS)

# Both compilers, warnings are errors.
compilers: $(VENV)/.installed
	@for cc in gcc clang; do CC=$$cc PYTESTPMD_CFLAGS=-Werror \
		$(BUILD_EXT) --build-lib build/$$cc --build-temp build/$$cc/tmp || exit 1; done

lint: $(VENV)/.installed
	@status=0; \
	$(BIN)/ruff check --quiet $(PY_FILES) || status=1; \
	$(BIN)/ruff format --quiet --check $(PY_FILES) || status=1; \
	$(BIN)/mypy --strict --no-error-summary || status=1; \
	clang-format --dry-run -Werror $(C_FILES) || status=1; \
	exit $$status

format: $(VENV)/.installed
	@$(BIN)/ruff check --quiet --fix $(PY_FILES)
	@$(BIN)/ruff format --quiet $(PY_FILES)
	@clang-format -i $(C_FILES)

man: build
	@$(BIN)/python -m pytestpmd.cli.man man
	@$(BIN)/python -m pytestpmd.programs.man man
	@$(BIN)/python -m pytestpmd.programs.completions completions

bench: build
	@$(BIN)/python -m bench $(BENCH)

# In a guest, against dpdk-testpmd there.
bench-guest: build
	@PYTHONPATH=tests $(BIN)/python -m bench.guest $(BENCH)

# The real peers that the interoperation tests run against.
peers:
	@$(AS_ROOT) apt-get -qq update
	@DEBIAN_FRONTEND=noninteractive $(AS_ROOT) apt-get -qq install --no-install-recommends dpdk-dev qemu-system-x86 expect

# What guests need beside the peers, and their kernel.
GUEST_PACKAGES = busybox-static kmod iproute2 xz-utils make gcc binutils libelf1 libssl3 bc
guest-tools: peers
	@DEBIAN_FRONTEND=noninteractive $(AS_ROOT) apt-get -qq install --no-install-recommends $(GUEST_PACKAGES)
	@cd tests && $(PYTHON) -m guest.kernel

clean:
	@rm -rf build dist *.egg-info $(VENV)/.installed pytestpmd/_dataplane.*
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
