"""Files of attachments: what is read is what was written, of any size and in any part; anything else is noticed."""

import asyncio
import os
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.storage.attachments.files import Place
from fhir_server.storage.attachments.folder import BLOCK, Folder

SECRET = bytes(range(32))
PLACE = Place("0123456789abcdef", "salt")


async def written(folder: Folder, content: bytes, place: Place = PLACE, step: int = 50_000) -> None:
    sink = await folder.create(place)
    for start in range(0, len(content), step):
        await sink.write(content[start : start + step])
    await sink.finish()


async def read(folder: Folder, size: int, start: int = 0, end: int | None = None, place: Place = PLACE) -> bytes:
    return b"".join([each async for each in folder.read(place, size, start, size if end is None else end)])


def file_of(root: Path, place: Place = PLACE) -> Path:
    return root / "files" / place.id[:2] / place.id


_TELLING = 8  # bytes: fewer are among any others by chance
SIZES = st.sampled_from([1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 7])


@settings(max_examples=examples(15), deadline=None)
@given(size=SIZES, step=st.sampled_from([1_000, BLOCK, BLOCK + 1, 400_000]), data=st.data())
def test_any_part_of_it(tmp_path_factory: pytest.TempPathFactory, size: int, step: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    content = os.urandom(size)
    root = tmp_path_factory.mktemp("files")

    async def run() -> None:
        folder = Folder(root / "files", SECRET)
        await written(folder, content, step=step)
        assert await read(folder, size, start, end) == content[start:end]
        assert await read(folder, size) == content

    asyncio.run(run())
    if size >= _TELLING:
        assert content not in file_of(root).read_bytes()


def test_what_was_changed_is_noticed(tmp_path: Path) -> None:
    content = os.urandom(2 * BLOCK + 10)
    folder, size = Folder(tmp_path / "files", SECRET), len(content)
    asyncio.run(written(folder, content))
    file = file_of(tmp_path)
    sealed = file.read_bytes()
    block = BLOCK + 16
    for broken in (
        sealed[:5] + b"x" + sealed[6:],
        sealed[:-1],
        sealed[: 2 * block],  # the last block is missing
        sealed[block : 2 * block] + sealed[:block] + sealed[2 * block :],
    ):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match="not what was written"):
            asyncio.run(read(folder, size))
    file.write_bytes(sealed[: 2 * block])
    with pytest.raises(ValueError, match="not what was written"):
        asyncio.run(read(folder, 2 * BLOCK))  # nor can a row be made to fit a file that was cut off
    file.write_bytes(sealed)
    for other, place in ((SECRET, PLACE._replace(salt="other")), (SECRET[::-1], PLACE)):
        with pytest.raises(ValueError, match="not what was written"):
            asyncio.run(read(Folder(tmp_path / "files", other), size, place=place))


def test_a_name_that_leads_elsewhere_is_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "files", SECRET)
    for name in ("../x", "a/b", "", "..", "x\0y", "é" * 16):
        with pytest.raises(ValueError, match="no id"):
            asyncio.run(folder.present(name))


def test_a_file_is_written_once_and_discarded_whole(tmp_path: Path) -> None:
    async def run() -> None:
        folder = Folder(tmp_path / "files", SECRET)
        sink = await folder.create(PLACE)
        with pytest.raises(FileExistsError):
            await folder.create(PLACE)
        await sink.write(b"x")
        await sink.discard()
        assert not await folder.present(PLACE.id)
        await written(folder, b"y")
        assert await folder.older(0) == []
        assert await folder.older(2**40) == [PLACE.id]
        await folder.remove([PLACE.id, PLACE.id])
        assert not await folder.present(PLACE.id)

    asyncio.run(run())
