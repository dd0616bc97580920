# The way in for people and build servers. Cargo does the work; `make help` lists what there is.

CARGO := .ci/cargo
# Each radio or bus is a feature and must build without the others.
FEATURES := modbus zigbee ble

.PHONY: help setup build demo test chaos fuzz check bench bench-ble vm-ble vm-powercut vm-smoke vm-suite deb deb-test deb-reproducible apt-repo deny

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

setup: ## install what building and testing need
	@.ci/setup test

build: ## build the release binary
	@.ci/setup demo
	$(CARGO) build --locked --release

demo: ## run the whole gateway on simulators; SECONDS=20 ends it by itself
	@.ci/setup demo
	$(CARGO) run --locked --bin tidegate -- demo $(if $(SECONDS),--seconds $(SECONDS))

test: ## run every test, against real peers
	@.ci/setup test
	$(CARGO) test --locked --no-fail-fast

chaos: ## kill, cut, silence, fill and damage for long; ROUNDS=200 is how long, SEED=7 repeats a run
	@.ci/setup test
	TIDEGATE_LONG=1 TIDEGATE_CHAOS_ROUNDS=$(or $(ROUNDS),50) TIDEGATE_CHAOS_SEED=$(SEED) \
		$(CARGO) test --locked --test chaos -- --nocapture

fuzz: ## try bytes that nobody thought of on all that reads Modbus, Zigbee and Bluetooth; TIME=600 is seconds for each, TARGET=rtu is one
	@.ci/fuzz $(or $(TIME),60) $(TARGET)

check: ## what must be green before a change goes in: format, lints, features, docs, tests (needs clippy and rustfmt)
	@.ci/setup test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	set -e; for feature in $(FEATURES); do \
		$(CARGO) clippy --locked --all-targets --no-default-features --features $$feature -- -D warnings; \
	done
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --all-features
	$(CARGO) test --locked --no-fail-fast

bench: ## measure, print the table, write target/bench/*.json
	@.ci/setup test
	$(CARGO) bench --locked --bench pipeline

bench-ble: ## compare what decoding an advertisement costs with the Python libraries that do it
	@.ci/setup ble
	$(CARGO) build --locked --release
	.venv-ble/bin/python tests/peers/ble_costs.py target/release/tidegate

vm-powercut: ## cut the power of the gateway in an emulated machine; PROFILE=strict ROUNDS=3 SEED=7 for less or other
	tests/vm/powercut $(if $(PROFILE),--profile $(PROFILE)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

vm-ble: build ## run the gateway with the real BlueZ and a virtual radio in an emulated machine
	tests/vm/ble

vm-smoke: ## install the package in an emulated machine, break things, upgrade, reboot, purge
	tests/vm/smoke

vm-suite: ## take Bluetooth, disk, power and clock from the gateway in an emulated machine, and count what arrives
	tests/vm/suite

deb: ## build the Debian package for this machine, or with ARCH=arm64 or armhf for such; the last line is its path; MAINTAINER='Name <mail>' answers for it
	@.ci/setup deb $(ARCH)
	@ARCH='$(ARCH)' MAINTAINER='$(MAINTAINER)' packaging/build

deb-test: deb ## look through the package, install, upgrade, remove and purge it in a folder of its own; with ARCH run it by an emulator
	@.ci/setup debtest $(ARCH)
	tests/packaging/run

deb-reproducible: deb ## build the package again elsewhere: it must be the same to the last byte
	packaging/reproduce

apt-repo: ## add the package to a signed repository for apt in target/apt, with a snapshot of each release
	@.ci/setup debtest
	packaging/apt-repo "$$(packaging/build | tail -n 1)"

deny: ## check the licences and origins of all dependencies
	@.ci/setup deny
	packaging/deny
