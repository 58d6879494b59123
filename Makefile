# SPDX-License-Identifier: Apache-2.0
# Thin words over Meson; each does its own set-up. `make BUILD=build-x SETUP=-Dbuildtype=release build` makes another build.
BUILD ?= build
SETUP ?=
.DEFAULT_GOAL := build

.PHONY: setup build demo test lint bench docs install clean

setup:
	@scripts/setup-debian
$(BUILD)/build.ninja: | setup
	meson setup $(BUILD) $(SETUP)
build: $(BUILD)/build.ninja
	ninja -C $(BUILD)
demo: build
	$(BUILD)/cdbc demo
test: build
	scripts/test $(BUILD)
lint: build
	scripts/lint $(BUILD)
bench: build
	bench/run $(BUILD) $(PEERS)
docs: build
	scripts/docs $(BUILD)
install: build
	meson install -C $(BUILD) --no-rebuild
clean:
	rm -rf $(BUILD)
