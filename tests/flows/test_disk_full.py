"""No room left: writes and reads are refused, since neither could be recorded; with room again all is as it was."""

import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flows.client import Client
from flows.served import Served, served
from index_check import index_faults, select, version_faults

REFUSED = {(507, "storage-full"), (503, "database-unavailable")}


def place(number: int) -> dict[str, str]:
    return {"resourceType": "Location", "id": f"full{number}", "name": f"Ruimte {number}", "description": "x" * 2000}


def becomes_ready(client: Client) -> bool:
    """Tell whether it is ready within the second between two trials, though nobody asks it anything."""
    until = time.monotonic() + 5
    while client.get("/health/ready").status != 200:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def fill(hub: Served, client: Client, full: Callable[[], None], free: Callable[[], None]) -> None:
    """Write, run out of room, ask for anything, and write again when there is room."""
    url = f"sqlite:///{hub.folder}/data/hub.db"
    for number in range(10):
        assert client.put(place(number)).status == 201
    full()
    refused = [client.put(place(number)) for number in range(10, 60)]
    assert (refused[-1].status, refused[-1].detail) in REFUSED, "there is room still"
    kept = [number for number, reply in enumerate(refused, 10) if reply.status == 201]
    assert {(reply.status, reply.detail) for reply in refused if reply.status != 201} <= REFUSED
    for reply in (client.get("Location/full1"), client.get("Location"), client.request("DELETE", "Location/full1")):
        assert (reply.status, reply.detail) in REFUSED
        assert b"Ruimte" not in reply.body
    assert client.get("/health/ready").status == 503
    free()
    assert becomes_ready(client)
    assert client.put(place(99)).status == 201
    there = {*range(10), *kept, 99}
    assert {number for number in range(100) if client.get(f"Location/full{number}").status == 200} == there
    assert client.get("Location?_summary=count").json["total"] == len(there)
    assert index_faults(url, hub.base) == []
    assert version_faults(url) == []
    assert select(url, "PRAGMA integrity_check") == [("ok",)]
    assert '"unexpected"' not in hub.log.read_text()


def test_files_may_not_grow(tmp_path: Path) -> None:
    with served(tmp_path) as hub:
        assert hub.process is not None
        pid = hub.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)

        def full() -> None:
            largest = max((tmp_path / "data" / name).stat().st_size for name in ("hub.db", "hub.db-wal"))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, before[1]))

        fill(hub, hub.client(), full, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, before) and None)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system in memory with 8 MB; skips where that is not allowed."""
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_the_disk_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "data"
    disk.mkdir()
    with small_disk(disk), served(tmp_path) as hub:

        def full() -> None:
            with (disk / "filler").open("wb", buffering=0) as filler:
                try:
                    while filler.write(b"x" * 65536):
                        pass
                except OSError:
                    return

        fill(hub, hub.client(), full, (disk / "filler").unlink)
