# The steps of scripts/run. They share its variables data, port, socket,
# vault, trust.

die() {
    echo "run: $*" >&2
    exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

default_data() {
    if is_root; then
        echo /var/lib/exposure-render
    else
        echo "${XDG_DATA_HOME:-$HOME/.local/share}/exposure-render"
    fi
}

# What one has to add to a command to mean the same data folder.
data_option() {
    [ "$data" = "$(default_data)" ] || printf ' --data %q' "$data"
}

build_or_die() {
    local log=build/build.log

    scripts/setup run
    mkdir -p build
    [ -e build/render-worker ] || echo "Building; a few minutes the first time"
    use_node
    locked_make all >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        die "the build failed; all of it is in $log"
    }
}

# --- processes ---------------------------------------------------------------

pid_of() { cat "$data/run/$1.pid" 2>/dev/null || true; }

# A pid file may be older than the machine's last start: the name must fit too.
running() {
    local pid

    pid=$(pid_of "$1")
    [ -n "$pid" ] && [[ $(ps -o stat=,args= -p "$pid" 2>/dev/null) == [!Z]*"$1"* ]]
}

# stop_one NAME SIGNAL: asks, waits up to 8 s, then insists.
stop_one() {
    local pid i

    running "$1" || return 0
    pid=$(pid_of "$1")
    kill "-$2" "$pid"
    for ((i = 0; i < 200; i++)); do
        running "$1" || break
        [ "$i" != 160 ] || kill -TERM "$pid" 2>/dev/null || true
        sleep 0.05
    done
    ! running "$1" || kill -KILL "$pid" 2>/dev/null || true
    rm -f "$data/run/$1.pid"
}

stop_all() {
    if ! running nginx && ! running render-worker && ! running exposure-vault
    then
        echo "Nothing is running with $data."
        return
    fi

    stop_one nginx QUIT
    stop_one render-worker TERM
    stop_one exposure-vault TERM
    rm -f "$socket" "$vault"
    echo "Stopped. Scans and accounts stay in $data."
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# --- data --------------------------------------------------------------------

# As root the service's processes run as the system user `exposure`; its files
# are the only ones it may write. The vault is somebody else, `exposure-vault`,
# and reads the keys, which are root's, before that. Programs and portal are copied, because a
# checkout may lie where that user cannot look.
prepare_data() {
    umask 022
    mkdir -p "$data"/{run,log,app/portal,socket}
    [ ${#data} -le 80 ] || die "the path $data is too long for a Unix socket"
    mkdir -p -m 700 "$data/keys"

    owner=()
    if is_root; then
        getent passwd exposure >/dev/null ||
            add_user exposure
        getent passwd exposure-vault >/dev/null || add_user exposure-vault
        owner=(setpriv --reuid exposure --regid exposure --init-groups)
        chmod 711 "$data"
        # root reads run/ and writes into it: what exposure could replace
        # there would be root's configuration
        chown root:root "$data/run"
        chown exposure:exposure "$data/socket"
        chmod 750 "$data/log"
    else
        chmod 700 "$data"
    fi

    install -m 755 build/render-worker build/exposure-import \
        build/exposure-vault build/exposure-admin "$data/app/"
    install -m 644 build/ngx_exposure_module.so "$data/app/"
    rm -rf "$data/app/portal"
    cp -r portal/dist "$data/app/portal"
    chmod -R u=rwX,go=rX "$data/app/portal"

    if [ ! -e "$data/keys/tls.key" ]; then
        make_certificate
    fi
    if [ ! -e "$data/keys/master.key" ]; then
        "$data/app/exposure-admin" init --data "$data/store" \
            --keys "$data/keys" $(! is_root || echo --owner exposure) >/dev/null
    fi
}

add_user() {
    useradd --system --user-group --no-create-home \
        --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -nodes -days 825 -subj /CN=localhost \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" \
        -keyout "$data/keys/tls.key.new" -out "$data/keys/tls.pem" 2>/dev/null
    chmod 600 "$data/keys/tls.key.new"
    mv "$data/keys/tls.key.new" "$data/keys/tls.key"
}

# --- starting ----------------------------------------------------------------

# start_one NAME SOCKET LOG COMMAND…: until it listens.
start_one() {
    local name=$1 at=$2 log=$data/log/$3 i

    rm -f "$at"
    setsid "${@:4}" --socket "$at" </dev/null >>"$log" 2>&1 &
    echo $! >"$data/run/$name.pid"
    disown

    for ((i = 0; i < 200; i++)); do
        [ ! -S "$at" ] || return 0
        running "$name" || break
        sleep 0.05
    done
    tail -n 20 "$log" >&2
    die "$name did not start; its log is $log"
}

start_vault() {
    local who=()

    ! is_root || who=(--user exposure-vault --peer "$(id -u exposure)")
    start_one exposure-vault "$vault" vault.log "$data/app/exposure-vault" \
        --master "$data/keys/master.key" \
        --signing-key "$data/keys/signing.pem" \
        --data "$data/store" --key-beside-data "${who[@]}" "${trust[@]}"
}

start_worker() {
    start_one render-worker "$socket" worker.log \
        "${owner[@]}" "$data/app/render-worker" \
        --import "$data/app/exposure-import"
}

start_nginx() {
    local conf user= i

    is_root && user=exposure
    conf=$(scripts/configure --data "$data" --app "$data/app" --port "$port" \
               --socket "$socket" --vault "$vault" ${user:+--user "$user"})
    nginx -p "$data/run/" -e "$data/log/error.log" -c "$conf" ||
        die "nginx did not start; its log is $data/log/error.log"

    for ((i = 0; i < 200; i++)); do
        if api readyz >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.05
    done
    tail -n 20 "$data/log/error.log" >&2
    die "the service does not get ready; see $data/log/error.log"
}

# --- demo ----------------------------------------------------------------------

# api PATH [curl options…]: one call of the HTTP API; the token, when there is
# one, goes in by standard input so that no process list shows it.
api() {
    local path=$1
    shift
    curl --silent --fail-with-body --cacert "$data/keys/tls.pem" \
        ${token:+--config -} "$@" "https://localhost:$port/api/v1/$path" \
        <<<"${token:+header = \"Authorization: Bearer $token\"}"
}

# json KEY…: prints the value at that path of the object on standard input.
json() {
    perl -MJSON::PP -0777 -e '
        my $v = decode_json(<STDIN>);
        $v = $v->{$_} for @ARGV;
        print $v' "$@"
}

demo_account() {
    local password

    [ ! -e "$data/demo-login.txt" ] || return 0
    password=$(openssl rand -hex 8)
    printf %s "$password" | "$data/app/exposure-admin" user add demo \
        --data "$data/store" --keys "$data/keys" --password-stdin >/dev/null ||
        die "the demo account could not be made"
    (umask 077 && printf 'Name:     demo\nPassword: %s\n' "$password" \
        >"$data/demo-login.txt")
}

demo_scan() {
    local password title token= id state= i

    [ ! -e "$data/demo-scan.done" ] || return 0
    make_demo_tar
    title=$(cat build/demo/title)
    password=$(sed -n 's/^Password: *//p' "$data/demo-login.txt")
    token=$(login "$password")
    id=$(api scans --request POST --header 'Content-Type: application/x-tar' \
             --upload-file build/demo/demo.tar | json id) ||
        die "the demo scan could not be uploaded"

    for ((i = 0; i < 600; i++)); do
        state=$(api "scans/$id" | json state)
        [ "$state" = importing ] || break
        sleep 0.2
    done
    [ "$state" = ready ] || die "the demo scan was not imported: it is $state"

    api "scans/$id" --request PATCH --header 'Content-Type: application/json' \
        --data "{\"title\":\"$title\"}" >/dev/null
    touch "$data/demo-scan.done"
}

login() {
    curl --silent --fail --cacert "$data/keys/tls.pem" \
        --header 'Content-Type: application/json' --data @- \
        "https://localhost:$port/api/v1/accounts/login" \
        <<<"{\"name\":\"demo\",\"password\":\"$1\"}" | json access_token
}

# build/demo/demo.tar: a real head CT from a Debian package as DICOM files, or a
# phantom where the package cannot be had.
make_demo_tar() {
    local deb inv3 tmp

    [ ! -e build/demo/demo.tar ] || return 0
    mkdir -p build/demo
    tmp=$(mktemp -d build/demo/tmp.XXXXXX)

    if (cd "$tmp" && apt-get -qq download invesalius-examples) >/dev/null 2>&1 &&
        deb=$(ls "$tmp"/*.deb) && dpkg-deb -x "$deb" "$tmp/x" &&
        inv3=$(find "$tmp/x" -name Cranium.inv3) && [ -n "$inv3" ] &&
        build/exposure-demo ct --inv3 "$inv3" --out "$tmp/dicom" >/dev/null
    then
        echo "Head CT (demo)" >build/demo/title
    else
        echo "The package with the demo scan cannot be had: a made-up phantom takes its place."
        rm -rf "$tmp/dicom"
        build/exposure-demo phantom --out "$tmp/dicom" >/dev/null
        echo "Phantom (demo)" >build/demo/title
    fi

    tar -C "$tmp/dicom" --format=ustar --sort=name -cf "$tmp/demo.tar" .
    mv "$tmp/demo.tar" build/demo/demo.tar
    rm -rf "$tmp"
}
