# The words people type. CMake does the work; every build is out of tree.
#
#   make         release build: build/belfry, build/libbelfry.{so,a}
#   make install  what was built, to /usr/local (DESTDIR and PREFIX as usual)
#   make unit    unit tests and the simulation, under ASan+UBSan
#   make check   everything CI runs
#   make bare    a fresh Debian 12, a clone, ./run and ./test (needs root)
#   make fuzz    every fuzz target, FUZZ_SECONDS each (default 600)
#   make bench   the benchmarks; see bench/README.md
#   make fmt     clang-format over what git tracks

MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
FUZZ_SECONDS ?= 600

.PHONY: all install unit check bare fuzz bench fmt clean

all:
	@cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBELFRY_TESTS=OFF $(CMAKE_FLAGS) > build-cmake.log 2>&1 || (cat build-cmake.log; exit 1)
	@rm -f build-cmake.log
	@cmake --build build -j $(JOBS)

install:
	@DESTDIR="$(DESTDIR)" cmake --install build $(if $(PREFIX),--prefix "$(PREFIX)")

unit:
	@tools/unit

check:
	@tools/check

bare:
	@tools/bare-test

fuzz:
	@tools/fuzz $(FUZZ_SECONDS)

bench:
	@bench/run

fmt:
	@git ls-files -co --exclude-standard '*.c' '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf build build-*
