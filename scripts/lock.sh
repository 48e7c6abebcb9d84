#!/usr/bin/env bash
# Resolves pyproject.toml into requirements.lock (run time) and requirements-dev.lock (everything), with hashes.
# Local wheel folders and extra indexes of this machine stay out: a lock must mean the same everywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_NO_INDEX
export CUSTOM_COMPILE_COMMAND="make lock"
resolve() {
  .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
    --no-emit-trusted-host --no-emit-find-links --no-emit-options "$@" pyproject.toml
}
resolve --output-file requirements.lock
resolve --extra dev --constraint requirements.lock --output-file requirements-dev.lock
