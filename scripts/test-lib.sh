# The suites of scripts/test. They share its variables: build, logs (of each
# program), results (lines `passed failed skipped`), scratch.

# result NAME PASSED FAILED SKIPPED: one write, as others may print beside it.
result() {
    local text
    printf -v text '%-34s %5d passed' "$1" "$2"
    [ "$3" = 0 ] || text+=", $3 FAILED"
    [ "$4" = 0 ] || text+=", $4 skipped"
    echo "$2 $3 $4" >>"$results"
    echo "$text"
}

# beside command…: runs it beside others, as many as there are cores; `wait`
# ends them. For programs that wait for nobody's clock.
beside() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n || true
    done
    "$@" &
}

# log_of NAME: where its output goes.
log_of() { echo "$logs/${1//\//-}.log"; }

# step NAME command…: something that must succeed before anything else has a
# meaning. One failed test when it does not, and the end.
step() {
    local name=$1 log
    shift
    log=$(log_of "$name")
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "(all of it: $log)"
        echo "0 passed, 1 failed"
        exit 1
    fi
}

# tap_program NAME command…: runs what prints TAP; what ends badly without
# saying which test failed counts as one failed test.
tap_program() {
    local name=$1 log rc=0 counts
    shift
    log=$(log_of "$name")
    timeout --kill-after=10 600 "$@" >"$log" 2>&1 </dev/null || rc=$?

    counts=$(awk -v rc="$rc" '
        /^ok /     { if (/# [Ss][Kk][Ii][Pp]/) s++; else p++ }
        /^not ok / { if (/# TODO/) s++; else f++ }
        /^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; planned = 1 }
        END { if (!f && (rc || !planned || plan != p + s)) f = 1
              print p + 0, f + 0, s + 0 }' "$log")
    result "$name" $counts

    set -- $counts
    if [ "$2" != 0 ]; then
        echo "$(grep -A3 '^not ok ' "$log" | head -n 40
                grep -q '^not ok ' "$log" || tail -n 15 "$log"
                echo "(all of it: $log)")"
    fi
}

# simple_check NAME command…: one test, passed when the command succeeds.
simple_check() {
    local name=$1 log
    shift
    log=$(log_of "$name")
    if timeout --kill-after=10 600 "$@" >"$log" 2>&1 </dev/null; then
        result "$name" 1 0 0
    else
        result "$name" 0 1 0
        tail -n 40 "$log"
    fi
}

# --- C -----------------------------------------------------------------------

programs_of() { # folder build-folder: NAME PATH lines
    local source
    for source in "$1"/*.c; do
        [ ! -e "$source" ] || echo "${source%.c} $2/${source%.c}"
    done
}

suite_unit() {
    local name program
    while read -r name program; do
        beside tap_program "$name" "$program"
    done < <(programs_of t/unit "$build")
    beside tap_program t/crash/images "$build/t/crash/images"
    beside tap_program t/import/volumes t/import/volumes.py "$build/exposure-import"
    beside tap_program t/import/kinds /usr/bin/python3 -B t/import/kinds.py "$build/exposure-import"
    beside tap_program t/import/volume_formats /usr/bin/python3 -B t/import/volume_formats.py "$build/exposure-import"
    beside tap_program t/import/archives /usr/bin/python3 -B t/import/archives.py "$build/exposure-import"
    beside tap_program t/import/hostile /usr/bin/python3 -B t/import/hostile.py "$build/exposure-import"
    wait
}

suite_render() {
    local name program
    while read -r name program; do
        beside tap_program "$name" "$program"
    done < <(programs_of t/render "$build")
    wait
    tap_program t/bench/check /usr/bin/python3 -B t/bench/check.py
}

# A device that is not there, and what one must render, here shown of the CPU.
# That the CUDA back end is built where nvcc is, too; it runs in t/render/cuda.
suite_cuda() {
    tap_program t/render/device t/render/device.py "$build/exposure-render"
    simple_check render/self-test "$build/exposure-render" --self-test
}

# The unit and render tests once more, where a byte out of place ends the
# program; fewer paths, since each is slow, and wider tolerances with them.
suite_asan() {
    local name program
    step build-asan locked_make BUILD=build/asan worker tools unit render \
        EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
    while read -r name program; do
        beside tap_program "asan/${name#t/unit/}" "$program"
    done < <(programs_of t/unit build/asan)
    beside tap_program asan/import/hostile /usr/bin/python3 -B t/import/hostile.py build/asan/exposure-import
    beside tap_program asan/crash/images env EXPO_CRASH_SEEDS=1 build/asan/t/crash/images
    while read -r name program; do
        beside tap_program "asan/${name#t/}" env EXPO_RENDER_SHARE=0.05 "$program"
    done < <(programs_of t/render build/asan)
    wait
}

# Each target for a bounded time, from its kept corpus. What it finds new stays
# in the scratch folder; a crash is a failed test and its input is kept.
suite_fuzz() {
    local source name corpus seconds=${FUZZ_SECONDS:-6}

    if ! command -v clang >/dev/null; then
        result fuzz 0 0 1
        return
    fi

    step build-fuzz locked_make BUILD=build EXTRA= fuzz
    for source in t/fuzz/*.c; do
        [ -e "$source" ] || continue
        name=$(basename "$source" .c)
        corpus=t/fuzz/corpus/$name
        mkdir -p "$scratch/$name"
        beside simple_check "fuzz/$name" "build/t/fuzz/$name" \
            -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
            -print_final_stats=1 -artifact_prefix="$logs/fuzz-$name-" \
            "$scratch/$name" $([ ! -d "$corpus" ] || echo "$corpus")
    done
    wait
}

# --- portal ------------------------------------------------------------------

suite_portal() {
    local report=$scratch/vitest.json log

    simple_check portal/check sh -c 'cd portal && npm run --silent check'
    log=$(log_of portal/vitest)
    (cd portal && node types.mjs &&
        npx vitest run --reporter=default --reporter=json \
            --outputFile="$report" ${coverage:+--coverage}) \
        >"$log" 2>&1 </dev/null || true

    if [ ! -s "$report" ]; then
        result portal/vitest 0 1 0
        tail -n 40 "$log"
        return
    fi
    result portal/vitest $(node -p '
        const r = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const broken = r.testResults.filter((f) =>
            f.status === "failed" && f.assertionResults.length === 0).length;
        [r.numPassedTests, r.numFailedTests + broken, r.numPendingTests].join(" ")
        ' "$report")
    grep -q '"success":true' "$report" || grep -B2 -A12 'FAIL' "$log" | head -n 60
}

# --- nginx --------------------------------------------------------------------

suite_nginx() {
    local file
    for file in "$@"; do
        tap_program "${file%.t}" perl -w "$file"
    done
}

# The module where a byte out of place ends the process: the runtimes have to be
# there before nginx, and nginx keeps pools to its end, which are no leaks.
# Whatever they report, in whichever process, is a failed test.
suite_module_asan() {
    local programs=$scratch/module-asan reports=$scratch/reports name

    step build-module-asan locked_make BUILD=build/asan module \
        EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    mkdir "$programs" "$reports"
    chmod 711 "$scratch"
    chmod 1777 "$reports" # nginx workers may be another user
    for name in exposure-admin exposure-demo exposure-import exposure-vault \
        render-worker; do
        ln -s "$PWD/$build/$name" "$programs/"
    done
    ln -s "$PWD/build/asan/ngx_exposure_module.so" "$programs/"
    cat >"$programs/nginx" <<EOF
#!/bin/sh
export LD_PRELOAD='$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)'
export ASAN_OPTIONS=detect_leaks=0:log_path=$reports/report
export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/report
exec '$(command -v nginx)' "\$@"
EOF
    chmod +x "$programs/nginx"

    for name in websocket session upload multipart stow tus quota login share \
        jwks enrol erase audit; do
        tap_program "module-asan/$name" env EXPOSURE_BUILD="$programs" \
            TEST_NGINX_BINARY="$programs/nginx" perl -w "t/$name.t"
    done
    simple_check module-asan/reports sh -c '! cat "$1"/* 2>/dev/null' sh "$reports"
}

# --- browser ------------------------------------------------------------------

suite_e2e() {
    if [ ! -x /usr/bin/chromium ]; then
        result e2e 0 0 1
        return
    fi
    tap_program e2e env -u BUILD -u EXTRA node --test --test-reporter=tap t/e2e/*.test.mjs
}

# --- coverage -----------------------------------------------------------------

# Lines of lib/, render-worker/ and the module that the suites ran through;
# the portal's own limit stands in its vite.config.ts.
coverage_report() {
    local info=build/coverage/c.info percent

    lcov --quiet --capture --directory "$build" --base-directory . \
        --no-external --output-file "$info" --rc lcov_branch_coverage=0 \
        >"$(log_of coverage)" 2>&1 || true
    lcov --quiet --extract "$info" "$PWD/lib/*" "$PWD/render-worker/*" "$PWD/exposure-vault/*" \
        "$PWD/ngx_exposure_module/*" --output-file "$info" \
        >>"$(log_of coverage)" 2>&1 || true
    lcov --list "$info" 2>/dev/null | grep -v '^===' || true

    percent=$(awk -F: '/^LF/ { n += $2 } /^LH/ { h += $2 }
                       END { printf "%.1f", n ? 100 * h / n : 0 }' "$info")
    echo "C: $percent % of lines"
    if awk -v p="$percent" 'BEGIN { exit p >= 85 }'; then
        result "coverage of C at least 85 %" 0 1 0
    else
        result "coverage of C at least 85 %" 1 0 0
    fi
}
