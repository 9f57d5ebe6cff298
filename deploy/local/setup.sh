#!/usr/bin/env bash
# Makes this machine ready: the distribution's packages that are missing, and .venv from the lock file.
# Does nothing, quickly, when nothing is missing. `setup.sh test` also sees to what only the tests need.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .local
log=$PWD/.local/setup.log
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
fail() {
    say "setup: $*" >&2
    exit 1
}

missing=()
need() { # need PACKAGE PATH… : the package is missing unless one of the paths is a file that can be run
    local package=$1 path
    shift
    for path in "$@"; do
        [ -x "$path" ] && return
        command -v "$path" >/dev/null 2>&1 && return
    done
    missing+=("$package")
}

python=$(command -v python3 || true)
[ -n "$python" ] || missing+=(python3 python3-venv)
if [ -n "$python" ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1). Install it, or use: docker compose up"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
shopt -s nullglob
[ -n "${DATABASE_URL:-}" ] || need postgresql /usr/lib/postgresql/*/bin/postgres /nonexistent
[ -n "${RABBITMQ_URL:-}" ] || need rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server
[ -n "${REDIS_URL:-}" ] || need redis-server redis-server
need nginx nginx
if [ "${1:-}" = test ]; then
    need curl curl
    need postfix postfix
    need nsd nsd
    # a journal for postfix-agent
    need systemd /usr/lib/systemd/systemd-journald
    # clients that hand over mail by SMTP
    need swaks swaks
    [ -e /usr/share/perl5/Net/SSLeay.pm ] || compgen -G "/usr/lib/*/perl5/*/Net/SSLeay.pm" >/dev/null ||
        missing+=(libnet-ssleay-perl)
    need msmtp msmtp
    compgen -G '/usr/lib/*/sasl2/libplain.so*' >/dev/null || missing+=(libsasl2-modules)
    need nodejs node
    need npm npm
    [ -e /usr/share/perl5/Mail/DKIM/Verifier.pm ] || missing+=(libmail-dkim-perl)
fi

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        else
            fail "please install: ${missing[*]}  (for example: sudo apt-get install ${missing[*]}), or use: docker compose up"
        fi
    fi
    command -v apt-get >/dev/null || fail "please install: ${missing[*]}, or use: docker compose up"
    say "Installing ${missing[*]} (log: .local/setup.log) …"
    apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1; }
    # packages must not start services of their own: ours are private
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
        "${as_root[@]}" chmod +x $policy
        trap '"${as_root[@]}" rm -f $policy' EXIT
    fi
    case " ${missing[*]} " in *" postfix "*)
        echo "postfix postfix/main_mailer_type select No configuration" |
            "${as_root[@]}" debconf-set-selections >>"$log" 2>&1 || true ;;
    esac
    apt install --no-install-recommends "${missing[@]}" || {
        apt update && apt install --no-install-recommends "${missing[@]}"
    } || {
        tail -n 5 "$log" >&2
        fail "could not install ${missing[*]}; the whole story is in .local/setup.log"
    }
    python=$(command -v python3)
fi

lock=requirements/dev.lock
sum=$(sha256sum $lock | cut -d' ' -f1)
if [ "$(cat .venv/.lock-sum 2>/dev/null)" != "$sum" ]; then
    say "Installing Python packages into .venv …"
    [ -x .venv/bin/pip ] || "$python" -m venv --clear .venv >>"$log" 2>&1 || fail "could not make .venv; see .local/setup.log"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $lock >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail "could not install the Python packages; the whole story is in .local/setup.log"
    }
    echo "$sum" >.venv/.lock-sum
fi

# Real bounces for the tests, out of the source package of flufl.bounce: read from there, never installed.
corpus=requirements/corpus.lock
if [ "${1:-}" = test ] && ! cmp -s $corpus .venv/corpus/.lock; then
    say "Fetching the bounces of $corpus …"
    .venv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: --require-hashes \
        -r $corpus -d .venv/corpus >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail "could not fetch the bounces of $corpus; the whole story is in .local/setup.log"
    }
    cp $corpus .venv/corpus/.lock
fi

# More of them, out of a Debian source package, from the mirrors that the machine knows: read, never installed.
sources=$PWD/requirements/corpus-debian.lock
complete() { (cd .venv/corpus && sha256sum --quiet --check "$sources") >>"$log" 2>&1; }
fetch_sources() { # with an index of source packages of our own, which the machine needs not have
    local apt=$PWD/.local/apt file
    mkdir -p "$apt"/{sources,lists/partial,cache/archives/partial}
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        [ ! -e "$file" ] || sed -E 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$file" >"$apt/sources/${file##*/}"
    done
    cat >"$apt/apt.conf" <<EOF
Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "$apt/sources";
Dir::State::lists "$apt/lists"; Dir::Cache "$apt/cache"; APT::Sandbox::User "root";
EOF
    APT_CONFIG=$apt/apt.conf apt-get -q update
    (cd .venv/corpus && for file in $(sed -n 's/^[0-9a-f]*  \(.*\)_.*/\1/p' "$sources"); do
        APT_CONFIG=$apt/apt.conf apt-get -q source --download-only --tar-only "$file"
    done)
    rm -rf "$apt"
}
if [ "${1:-}" = test ] && ! complete; then
    say "Fetching the bounces of ${sources#"$PWD/"} …"
    fetch_sources >>"$log" 2>&1 || true
    # not every mirror has sources, and nothing but one test is about these
    complete || say "Could not fetch them: put the file that ${sources#"$PWD/"} names into .venv/corpus to test with it."
fi

# nodemailer, a client of SMTP submission
client=tests/clients/nodemailer
if [ "${1:-}" = test ] && ! cmp -s $client/package-lock.json $client/node_modules/.installed; then
    say "Installing the Node packages of $client …"
    npm ci --prefix $client --no-audit --no-fund --ignore-scripts >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        fail "could not install the Node packages of $client; the whole story is in .local/setup.log"
    }
    cp $client/package-lock.json $client/node_modules/.installed
fi
