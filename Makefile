# SPDX-License-Identifier: Apache-2.0
#
# make demo   builds two real images, pushes them, pulls them back, runs one
# make test   passes every test
# make image  builds the executor image and its variants into .build/image/layout
#
# All set the machine up first (scripts/setup), which takes a moment only the first time.

SWIFT := scripts/swift
STRICT := --explicit-target-dependency-import-check error

.PHONY: help setup build release test demo image lint format bench clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@scripts/setup

build: setup
	$(SWIFT) build $(STRICT)

release: setup
	$(SWIFT) build $(STRICT) -c release --static-swift-stdlib --product caisson

test: setup
	$(SWIFT) build $(STRICT) --build-tests
	scripts/bases busybox debian tools musl
	$(SWIFT) test $(STRICT) --skip-build --skip EndToEndTests --skip PodTests
	$(SWIFT) test $(STRICT) --skip-build --filter EndToEndTests
	$(SWIFT) test $(STRICT) --skip-build --filter PodTests

demo: release
	examples/demo

image: release
	packaging/image

lint: setup
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

format: setup
	$(SWIFT) format -i --recursive Sources Tests Package.swift

bench: release
	benchmarks/run
	benchmarks/sandboxes
	benchmarks/parse
	benchmarks/ignore

clean:
	rm -rf .build
