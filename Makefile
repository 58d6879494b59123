# SPDX-License-Identifier: Apache-2.0
# Thin words over Meson; each does its own set-up.
BUILD ?= build

.PHONY: setup build demo test lint bench docs install clean
setup:
	scripts/setup-debian
$(BUILD)/build.ninja: | setup
	meson setup $(BUILD)
build: $(BUILD)/build.ninja
	ninja -C $(BUILD)
test: build
	scripts/test $(BUILD)
clean:
	rm -rf $(BUILD)
