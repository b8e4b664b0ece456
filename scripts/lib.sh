# What the scripts share. Sourced from the repository's root.

# nginx lies where ordinary users do not look.
export PATH=$PATH:/usr/sbin:/sbin

NODE_DIR=$PWD/build/node/node_modules/node

# Prints the packages of [run], and for "test" those of [test] too.
wanted_packages() {
    awk -v what="$1" '
        { sub(/#.*/, "") }
        /^\[/ { on = $1 == "[run]" || $1 == "[" what "]"; next }
        NF && on { print $1 }' scripts/packages.txt | tr '\n' ' '
}

# A Node that came from elsewhere brings its own npm: asking Debian for the
# packages then would conflict with it.
own_node_and_npm() {
    local list=$1

    if command -v node >/dev/null && command -v npm >/dev/null; then
        list=$(grep -vxE 'nodejs|npm' <<<"$list" || true)
    fi

    printf '%s' "$list"
}

node_is_new_enough() {
    command -v "$1" >/dev/null &&
        "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
                 process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# Puts build/node in front where the machine's own Node is too old. It brings
# its own list of authorities; a site's proxy may need the machine's.
use_node() {
    local authorities=/etc/ssl/certs/ca-certificates.crt

    if ! node_is_new_enough node; then
        export PATH=$NODE_DIR/bin:$PATH
        [ ! -e "$authorities" ] ||
            export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$authorities}
    fi
}

# Two scripts may run side by side; two makes in one folder may not.
locked_make() {
    mkdir -p build
    flock build/.lock make -s -j"$(nproc)" "$@"
}
