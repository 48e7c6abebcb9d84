#!/usr/bin/env bash
# Installs Chromium for the tests of the pages, where Debian's packages are at hand and the user may; they are skipped without it.
set -euo pipefail
if command -v chromium > /dev/null || [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  exit 0
fi
{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } > /dev/null 2>&1 ||
  echo "Chromium could not be installed: the tests of the pages will be skipped" >&2
