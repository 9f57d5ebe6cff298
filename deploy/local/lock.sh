#!/usr/bin/env bash
# pyproject.toml → requirements/*.lock: names, versions and hashes, no addresses.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/uv" && "$scratch/uv/bin/pip" install -q --disable-pip-version-check uv
compile() {
    "$scratch/uv/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header --no-annotate pyproject.toml "$@"
}
compile --all-extras -o requirements/dev.lock
for service in gateway sender tracker campaigns webhooks; do
    compile --extra "$service" -c requirements/dev.lock -o "requirements/$service.lock"
done
