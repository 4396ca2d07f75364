# steps.sh - what ./test and tools/check are made of; sourced, not run.
#
#   step NAME COMMAND...    runs it with its output in a log, prints one line, counts
#   finish                  prints `N passed, N failed` and exits accordingly
#
# A step counts as the tests that its log reports (ctest with cmocka, Python's unittest, Node's test
# runner, or a closing line `N passed, N failed`), and as one where it reports none.
# shellcheck shell=bash

jobs=${JOBS:-$(nproc)}
artifacts=$PWD/build/artifacts
steps_passed=0
steps_failed=0
mkdir -p "$artifacts/logs"

# Prints "passed failed" as the log of a finished step tells them.
counts_in() {
    awk '
        /\[  PASSED  \] [0-9]+ test/ { cmocka += $(NF - 1) }
        /Test +#[0-9]+: corpus-.* Passed / { corpus++ }
        /tests failed out of/ { ctest_failed += $4 }
        /^Ran [0-9]+ tests? in/ { python = $2 }
        /^(#|ℹ) pass [0-9]+$/ { passed += $3 }
        /^(#|ℹ) fail [0-9]+$/ { failed += $3 }
        /^FAILED \(/ { python_failed = sum_of($0) }
        /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { passed += $1; failed += $3 }
        function sum_of(line,   total) {
            while (match(line, /(failures|errors)=[0-9]+/)) {
                total += substr(line, index(line, "=") + 1) + 0
                line = substr(line, RSTART + RLENGTH)
            }
            return total
        }
        END {
            passed += cmocka + corpus + python - python_failed
            failed += ctest_failed + python_failed
            print passed + 0, failed + 0
        }' "$1"
}

step() {
    local name=$1 started=$SECONDS status=0 log passed failed
    shift
    log=$artifacts/logs/$name.log
    "$@" > "$log" 2>&1 < /dev/null || status=$?
    read -r passed failed < <(counts_in "$log")
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    elif [ "$status" -eq 0 ] && [ "$((passed + failed))" -eq 0 ]; then
        passed=1
    fi
    steps_passed=$((steps_passed + passed))
    steps_failed=$((steps_failed + failed))
    if [ "$status" -eq 0 ]; then
        printf '  ok      %-24s %5d passed %5d s\n' "$name" "$passed" $((SECONDS - started))
    else
        printf '  FAILED  %-24s %5d failed %5d s\n' "$name" "$failed" $((SECONDS - started))
        report_failure "$log"
    fi
}

# What a reader needs first: the lines that look like the reason, then the end of the log.
report_failure() {
    grep -n -E '(error:|ERROR: |FAIL: |FAILED|Failed|runtime error|SUMMARY: )' "$1" | tail -n 15 |
        sed 's/^/          | /' || true
    tail -n 25 "$1" | sed 's/^/          /'
    echo "          (all of it: $1)"
}

# Configures quietly and builds; $1 is the folder, the rest goes to CMake.
build_in() {
    local folder=$1
    shift
    cmake -S . -B "$folder" "$@" && cmake --build "$folder" -j "$jobs"
}

finish() {
    echo "$steps_passed passed, $steps_failed failed"
    [ "$steps_failed" -eq 0 ] && [ "$steps_passed" -gt 0 ]
    exit
}
