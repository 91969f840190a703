# Everything that a person does with the sources. `make help` lists it.

CARGO ?= cargo
CIRCUP := tests/.cache/circup
BROWSER := tests/browser
# mkfs.vfat and fsck.vfat lie where only root looks.
export PATH := $(PATH):/usr/sbin:/sbin

# What packages are for: this machine, or with ARCH=arm64 a Pi.
NATIVE := $(shell dpkg --print-architecture)
ARCH ?= $(NATIVE)
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
# How long each parser is fuzzed.
FUZZ_SECONDS ?= 60
# Tests that boot machines need root; cargo itself does not.
AS_ROOT = $(if $(SUDO),--config 'target."cfg(unix)".runner="$(SUDO) env CPY_VM_ARCH=$(ARCH)"')

.PHONY: help build deb demo test test-package test-vm lint bench fuzz clean test-dependencies

help:
	@echo "make demo    a whole gateway with two virtual boards on this machine, no root, no hardware"
	@echo "make test    every test"
	@echo "make test-vm the package in a virtual machine, with boards on its USB; ARCH=arm64 for a machine like a Pi"
	@echo "make fuzz    hostile input for every parser, FUZZ_SECONDS=60 for each; FUZZ_TARGETS=... for some of them"
	@echo "make lint    formatting, clippy, licences of dependencies"
	@echo "make bench   the benchmark; takes some minutes"
	@echo "make build   the daemons and cpyctl, optimized, in target/release"
	@echo "make deb     the Debian package, in target/deb; make deb ARCH=arm64 for a Pi"
	@echo "make test-package   tests of the packages in target/deb, in containers; asks for root"
	@echo "make clean   removes what was built"

build:
	deploy/install-dependencies build
	$(CARGO) build --workspace --release --locked

deb:
	CARGO=$(CARGO) deploy/build-deb $(ARCH)

demo:
	deploy/install-dependencies demo
	$(CARGO) build --workspace --locked
	target/debug/cpyctl demo

test: test-dependencies
	$(CARGO) build --workspace --locked
	$(CARGO) test --workspace --locked
	node --test $(BROWSER)/pages.test.js

test-package:
	deploy/install-dependencies test-package
	for arch in $(NATIVE) arm64; do CARGO=$(CARGO) deploy/build-deb $$arch || exit 1; done
	$(CARGO) test $(AS_ROOT) --package cpy-tests --locked --features package --test package

test-dependencies: $(CIRCUP)/bin/circup $(BROWSER)/node_modules/.package-lock.json
	deploy/install-dependencies test

# The circup that the tests are written against, in an environment of its own.
$(CIRCUP)/bin/circup: tests/circup-requirements.txt
	deploy/install-dependencies test
	/usr/bin/python3 -m venv --clear $(CIRCUP)
	$(CIRCUP)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(BROWSER)/node_modules/.package-lock.json: $(BROWSER)/package-lock.json
	deploy/install-dependencies test
	cd $(BROWSER) && npm ci --no-audit --no-fund
	touch $@

# In the machine everything is emulated. What it is built of decides whether its image is built anew.
test-vm:
	deploy/install-dependencies test-vm
	CARGO=$(CARGO) deploy/build-deb $(ARCH)
	$(SUDO) tests/vm/build-image $(ARCH) target/vm/$(ARCH)
	CPY_VM_ARCH=$(ARCH) $(CARGO) test $(AS_ROOT) --package cpy-tests --locked --features vm --test vm
	@cat target/vm/$(ARCH)/figures

lint:
	deploy/install-dependencies build
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked
	$(CARGO) deny check bans licenses sources

# Targets that crash leave their input behind, and say where.
fuzz:
	deploy/install-dependencies fuzz
	CARGO=$(CARGO) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_TARGETS)

bench:
	deploy/install-dependencies demo
	$(CARGO) build --workspace --release --locked
	$(CARGO) bench --package cpy-tests --locked

clean:
	[ ! -e target/package ] && [ ! -e target/vm ] || $(SUDO) rm -rf target/package target/vm
	$(CARGO) clean
	rm -rf tests/.cache tests/fuzz/target $(BROWSER)/node_modules
