#!/bin/sh
# The one door to this project: ./do help says what it can do.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'END'
usage: ./do COMMAND

  run                       build, make a small plant in ./bede-data, show what is stored
  test [NAME...]            build and run every test, or those named
  bench [NAME...]           build and run every benchmark, or those named (append, read, import)
  bench workloads [WORD...] only the workloads, as bede bench
  bench peers [WORD...]     the same workloads and questions, to other databases
  fuzz [TARGET [SECONDS]]   run the fuzzers, each for so long (default: all, 60 seconds)
  format [--check]          format the sources, or say which would change
  lint                      clang-tidy and the house rules
  help                      this

Missing Debian packages are installed first. CC chooses the compiler.
END
}

die() {
    echo "./do: $*" >&2
    exit 1
}

# need PACKAGE...: installs those that are missing, or says how.
need() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: the build names what it lacks
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    missing=
    for package in "$@"; do
        echo "$installed" | grep -qx "installed $package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0

    install="apt-get install -y --no-install-recommends$missing"
    if [ "$(id -u)" -eq 0 ]; then
        as_root="env DEBIAN_FRONTEND=noninteractive"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root="sudo env DEBIAN_FRONTEND=noninteractive"
    else
        die "packages are missing; as root, run: apt-get update && $install"
    fi
    echo "installing:$missing" >&2
    # shellcheck disable=SC2086 # words, on purpose
    { $as_root apt-get update -q && $as_root $install; } >&2 ||
        die "could not install; as root, run: apt-get update && $install"
}

need_build() {
    need gcc g++ libc6-dev binutils meson ninja-build pkg-config libuv1-dev liblz4-dev \
        libxxhash-dev libzstd-dev check python3 "$@"
}

# configure DIRECTORY OPTION...: the first time only; ninja does it again where it must.
configure() {
    directory=$1
    shift
    [ -f "$directory/build.ninja" ] || meson setup "$directory" "$@" >&2
}

# The everyday build: as fast as what is installed, with symbols, with every assertion.
build() {
    need_build
    configure build -Doptimization=3 -Ddebug=true
    ninja -C build >&2
}

run() {
    build
    bede=build/engine/shell/bede
    [ -e bede-data ] || build/bench/plant | $bede import -
    $bede compact
    $bede stats
    echo
    $bede dump | head -n 12
    echo "and so on: $bede help"
}

run_tests() {
    build
    rm -f build/meson-logs/testlog.json
    meson test -C build --no-rebuild --print-errorlogs "$@" || true # counted below
    python3 tests/summary.py build/meson-logs/testlog.json
}

# What one part alone can do, then what people use: the workloads.
bench() {
    build
    data=${BEDE_BENCH_DIR:-bench-data}
    case ${1:-} in
    '')
        meson test -C build --no-rebuild --benchmark --verbose
        build/engine/shell/bede bench --data "$data"
        ;;
    workloads)
        shift
        build/engine/shell/bede bench --data "$data" "$@"
        ;;
    peers)
        shift
        command -v npm >/dev/null || need nodejs npm
        mkdir -p "$data"
        node bench/peers/peers.mjs build/engine/shell/bede "$data" "$@"
        ;;
    *) meson test -C build --no-rebuild --benchmark --verbose "$@" ;;
    esac
}

# New inputs stay in build-fuzz; one that found something belongs into tests/fuzz/corpus.
fuzz() {
    need_build clang
    need "libclang-rt-$(clang -dumpversion | cut -d . -f 1)-dev"
    CC=clang configure build-fuzz -Dfuzz=true -Dslow_assertions=true -Db_lundef=false \
        -Db_sanitize=address,undefined
    ninja -C build-fuzz fuzzers >&2
    for fuzzer in build-fuzz/tests/fuzz/fuzz_${1:-*}; do
        name=${fuzzer##*/fuzz_}
        [ -x "$fuzzer" ] || die "there is no fuzzer $name"
        mkdir -p "build-fuzz/corpus/$name"
        echo "fuzzing $name" >&2
        UBSAN_OPTIONS=halt_on_error=1 "$fuzzer" -max_total_time="${2:-60}" -timeout=10 \
            -artifact_prefix="build-fuzz/$name-" -print_final_stats=1 \
            "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name"
    done
}

format() {
    need clang-format
    find storage query ingest replication engine bench tests docs -name '*.[ch]' -print0 |
        case ${1:-} in
        '') xargs -0 clang-format -i ;;
        --check) xargs -0 clang-format --dry-run --Werror ;;
        *) die "format knows only --check" ;;
        esac
}

lint() {
    need_build clang clang-tidy
    CC=clang CXX=clang++ configure build-clang
    ninja -C build-clang build.ninja >&2 # when a list of sources changed
    findings=0
    python3 tests/tidy/tidy.py . || findings=1
    cd build-clang
    # Every header is compiled alone as header_test.c: they are looked at where they are included.
    python3 -c '
import json
sources = {command["file"] for command in json.load(open("compile_commands.json"))}
print(*sorted(s for s in sources if s.endswith(".c") and not s.endswith("header_test.c")))' |
        xargs -n 1 -P "$(nproc)" clang-tidy --quiet -p . 2>/dev/null || findings=1
    return "$findings"
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
run) run ;;
test) run_tests "$@" ;;
bench) bench "$@" ;;
fuzz) fuzz "$@" ;;
format) format "$@" ;;
lint) lint ;;
help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
