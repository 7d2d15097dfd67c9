# Two commands do everything on a fresh Debian machine: `make demo` and `make test`.
.PHONY: demo test checks setup build native-test thread-check arm64-check march-check gyp cuda-check emulated emulated-check package-check release lint format bench clean

# Where setup puts a Node of its own, if the machine's is too old.
export PATH := $(CURDIR)/build/node/node_modules/.bin:$(PATH)
NATIVE_SOURCES := $(shell find native CMakeLists.txt -type f)
TS_SOURCES := $(shell find src -name '*.ts')

demo: build
	node dist/cli/main.js demo --output demo-output

# Two checks at a time: while one runs its tests on one core, another compiles. The longest come first, and what runs on one core, so that both have work to the end.
test: build
	$(MAKE) --jobs=2 --output-sync=target checks
	npx vitest run

checks: native-test thread-check arm64-check package-check march-check cuda-check emulated-check lint

build: build/Release/latino.node dist/.built

setup: build/.setup
build/.setup: scripts/install-system-packages.sh package.json
	bash scripts/install-system-packages.sh
	npm install --no-audit --no-fund
	mkdir -p build && touch $@

build/Release/latino.node: build/.setup $(NATIVE_SOURCES)
	npx cmake-js configure --CDLATINO_PORTABLE=ON
	npx cmake-js compile --parallel 2
	touch $@

dist/.built: build/.setup $(TS_SOURCES) tsconfig.json tsconfig.build.json
	npx tsc -p tsconfig.build.json
	chmod +x dist/cli/main.js
	touch $@

lint: build/.setup
	npx biome check .
	npx tsc --noEmit
	npx tsc -p pages
	node scripts/check-layout.mjs
	find native -name '*.h' -o -name '*.cpp' | xargs clang-format --dry-run --Werror

# C++ tests, under address and undefined-behaviour sanitizers, and the addon, as Clang compiles them with libc++ (the tests, as GCC does, where there
# is no clang++).
native-test: build/.setup
	bash scripts/check-native.sh sanitize

# The same tests, watched for data races.
thread-check: build/.setup
	bash scripts/check-native.sh thread

# The same tests on an emulated arm64 (skipped where the tools for it are missing).
arm64-check: build/.setup
	bash scripts/check-native.sh arm64

# The addon compiled for older processors, without CMake, restores the same images.
march-check: build
	bash scripts/check-march.sh

# The same addon without CMake, as optimised as CMake's; march-check builds it otherwise.
gyp: build/.setup
	bash scripts/build-gyp.sh

# The CUDA flavour, built, linked and loaded; without a GPU it says that there is none (skipped where there is no nvcc).
cuda-check: build/.setup
	bash scripts/check-cuda.sh -O0

# The CUDA flavour on an emulated device that is stricter than a GPU: its C++ tests, and nearly all of test/, which takes half an hour (skipped where
# NVIDIA's headers are not to be had).
emulated: build
	bash scripts/check-emulated.sh

# The same, with a part of test/.
emulated-check: build
	bash scripts/check-emulated.sh brief

# The packages, installed in an empty folder without a compiler, run there; on arm64, too, where that was compiled. Compiled there, for newer
# processors, the addon restores the same images.
package-check: build arm64-check
	bash scripts/check-package.sh

# The packages of a release that can be made here, or PACKAGES="main linux-x64 ...".
release: build
	bash scripts/release.sh release $(PACKAGES)

format:
	npx biome check --write .
	find native -name '*.h' -o -name '*.cpp' | xargs clang-format -i

# The library's reference, from the comments of its sources, in build/reference.
reference: build/.setup
	npm --prefix scripts/reference install --no-audit --no-fund
	scripts/reference/node_modules/.bin/typedoc --options scripts/reference/typedoc.json

bench: build
	node bench/restore.mjs

clean:
	rm -rf build build-* dist release demo-output
