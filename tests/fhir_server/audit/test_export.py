"""An export of the record is verified without the database: whatever is changed in it, or left out of it, is named."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from engines import PostgresServer, migrated
from invented import LINE
from kept_record import KEY, Kept

from fhir_server.audit.export import Asked, Export
from fhir_server.audit.export import shown as rendered
from fhir_server.audit.export_check import Checked, check
from fhir_server.audit.fhir_event import Observer
from fhir_server.audit.retention import DAY, LEAST
from fhir_server.audit.verify import Broken, Open
from fhir_server.oauth.anchor import opened, signed
from fhir_server.oauth.jwk import SigningKey, embedded_key
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.storage.journal.chain import digest, linked
from fhir_server.storage.journal.line import read, written
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex.open import open_index

ALL = Asked(EARLIEST, LATEST)
ANNE = Asked(EARLIEST, LATEST, "Patient/anne")
OBSERVER = Observer("https://hub.test/fhir")
Json = dict[str, Any]
DOSSIERS = ["", "Patient/anne", "Patient/bert", "Patient/bert Patient/anne", "Patient/bert", "Patient/anne", "", "Patient/bert"]


def record(kept: Kept, dossiers: Sequence[str], at: int) -> None:
    async def run() -> None:
        repository = await open_repository(kept.url)
        for number, dossier in enumerate(dossiers):
            await repository.record(LINE._replace(recorded=at + number, dossier=dossier, request=f"r{at + number}"))
        await repository.close()

    asyncio.run(run())


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder: Path = tmp_path_factory.mktemp("export")
    url = f"sqlite:///{migrated(folder / 'hub.db')}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create("exported", "template_hub")
    kept = Kept(url, folder)
    record(kept, DOSSIERS, 1)
    kept.anchor()
    record(kept, ["Patient/bert", "Patient/bert"], 20)
    kept.anchor()
    record(kept, ["Patient/anne", "Patient/bert"], 30)
    return kept


def made(kept: Kept, asked: Asked = ALL) -> list[Json]:
    with closing(open_index(kept.url, write=False)) as database, database.snapshot() as at:
        entries = list(Export(asked, OBSERVER, KEY.jwk()).entries(at, partial(opened, KEY.verifying), 99))
    return [json.loads(json.dumps(each)) for each in entries]


def opener(jwk: Mapping[str, Any]) -> Open:
    return partial(opened, embedded_key(jwk, "ES256"))


def checked(entries: Sequence[Json]) -> Checked:
    lines = [json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in entries]
    return check(lambda: iter(lines), opener)


def fault(entries: Sequence[Json]) -> str:
    with pytest.raises(Broken) as found:
        checked(entries)
    return str(found.value)


def shown(entries: Sequence[Json]) -> list[str]:
    return [each["event"]["recorded"][20:26] for each in entries if "event" in each]


def test_a_whole_export_is_sound_and_says_what_is_not_signed_yet(kept: Kept) -> None:
    entries = made(kept)
    found = checked(entries)
    assert (found.lines, found.hidden, found.withheld, found.loose, found.chains, found.anchors) == (12, 0, 0, 2, 3, 2)
    assert shown(entries) == sorted(shown(entries))
    assert {"chain", "seq", "previous", "hash", "line", "event"} == set(entries[1])
    assert [entries[1]["seq"], entries[2]["previous"]] == [1, entries[1]["hash"]]
    assert [set(each) for each in entries[-3:]] == [{"anchor"}, {"anchor"}, {"end"}]


def test_an_export_of_one_client_shows_no_other_and_can_still_be_followed(kept: Kept) -> None:
    entries = made(kept, ANNE)
    found = checked(entries)
    assert (found.lines, found.hidden, found.withheld, found.loose, found.chains, found.anchors) == (4, 1, 5, 1, 2, 1)
    assert "bert" not in json.dumps(entries)


def test_an_export_of_a_period_holds_the_stretches_that_it_needs(kept: Kept) -> None:
    found = checked(made(kept, Asked(20, 21)))
    assert (found.lines, found.withheld, found.loose, found.chains, found.anchors) == (1, 1, 0, 1, 1)
    assert checked(made(kept, Asked(1_000, 2_000))).lines == 0


@pytest.mark.parametrize("asked", [ALL, ANNE])
def test_whatever_entry_is_missing_is_missed(kept: Kept, asked: Asked) -> None:
    entries = made(kept, asked)
    lasts = {each["chain"]: number for number, each in enumerate(entries) if "chain" in each}
    loose = lasts[next(reversed(lasts))]  # behind the last anchor only the count tells
    for number, each in enumerate(entries):
        told = fault([one for one in entries if one is not each])
        if "chain" in each and number != loose and "withheld" not in each:
            assert f"chain {each['chain']}, line {each['seq']}: it is missing" in told
    fewer = [one for number, one in enumerate(entries) if number != loose]
    assert "the end of the export" in fault(fewer)


@pytest.mark.parametrize("asked", [ALL, ANNE])
def test_whatever_is_changed_is_named(kept: Kept, asked: Asked) -> None:
    entries = made(kept, asked)
    for number, each in enumerate(entries):
        for other in changes(each):
            told = fault([*entries[:number], {**each, **other}, *entries[number + 1 :]])
            assert f"line {number + 1} of the file" in told or f"line {number + 2} of the file" in told or "missing" in told


def disguised(entry: Json, last: int) -> Iterator[Json]:
    """Yield what would hide the text of an entry with a line, or of one without, or say more beside it."""
    more = {"line", "event", "digest", "withheld", "last"}
    place = {name: value for name, value in entry.items() if name not in more}
    own = [digest(entry["line"].encode()).hex()] if "line" in entry else []
    forged = {"event": {"resourceType": "AuditEvent", "action": "D"}}
    yield {**entry, "note": "of the inspector"}
    if own:
        yield from ({**place, "digest": own[0], **forged}, {**place, "withheld": own, "last": last})
        yield from ({**entry, **forged, "digest": own[0]}, {**entry, **forged, "withheld": own, "last": last})
    elif "withheld" in entry:
        yield from ({**entry, **forged}, {**entry, "last": entry["last"] + 1})


def test_what_stands_in_an_entry_is_verified_or_has_no_place_there(kept: Kept) -> None:
    for asked in (ALL, Asked(20, 21)):
        entries = made(kept, asked)
        for number, each in enumerate(entries):
            for other in disguised(each, each["seq"]) if "chain" in each else ():
                told = fault([*entries[:number], other, *entries[number + 1 :]])
                assert "no entry of such an export" in told or (not asked.whole and "end" in told)
    for entry in entries[-2:]:
        assert "no entry of an export" in fault([*entries[: entries.index(entry)], {**entry, "event": {}}, *entries[-1:]])
    assert "behind the end" in fault([*entries, entries[-1]])


def changes(entry: Json) -> Iterator[Json]:
    """Yield what could be changed in an entry that holds lines."""
    if "chain" not in entry:
        return
    zeros = "00" * 32
    yield from ({"hash": zeros}, {"previous": zeros}, {"seq": entry["seq"] + 1}, {"chain": "another"}, {"withheld": "zz"})
    if "line" in entry:
        yield from ({"line": entry["line"].replace("Practitioner/p", "Practitioner/q")}, {"line": 7})
        yield {"event": {**entry["event"], "action": "D"}}
    if "digest" in entry:
        yield {"digest": zeros}
    if "withheld" in entry:
        yield {"withheld": [zeros, *entry["withheld"][1:]]}


def test_a_line_that_is_forged_with_all_that_follow_is_found_by_the_anchor(kept: Kept) -> None:
    entries = made(kept)
    chain, hash_ = entries[1]["chain"], bytes.fromhex(entries[1]["previous"])
    for each in (each for each in entries if each.get("chain") == chain):
        row = read(each["line"].encode() + b"\n")[0]._replace(actor="Practitioner/forger")
        text = written(row).removesuffix(b"\n")
        following = linked(hash_, digest(text))
        each |= {"previous": hash_.hex(), "hash": following.hex(), "line": text.decode()}
        each["event"] = json.loads(json.dumps(rendered(ALL, OBSERVER, chain, each["seq"], row)))
        hash_ = following
    assert "an anchor names another hash for line 8" in fault(entries)


def test_anchors_of_another_key_are_refused(kept: Kept) -> None:
    entries, other = made(kept), SigningKey(ec.generate_private_key(ec.SECP256R1()))
    entries[-3]["anchor"] = signed(other, opened(KEY.verifying, entries[-3]["anchor"]))
    assert "signature" in fault(entries)
    entries[-3]["anchor"] = signed(KEY, {"number": 1})
    assert "does not say what an anchor does" in fault(entries)
    assert "key cannot be used" in fault([{**entries[0], "key": {"kty": "none"}}, *entries[1:]])


@pytest.mark.parametrize("raw", [b"", b"{}", b"nonsense", b"[]", b'{"export":2}', b'{"export":1,"since":0}'])
def test_something_else_is_no_export(raw: bytes) -> None:
    with pytest.raises(Broken, match="line 1"):
        check(lambda: iter([raw]), opener)


def test_an_export_after_old_lines_were_removed_begins_where_they_end(kept: Kept) -> None:
    kept.now += (LEAST + 1) * DAY
    with closing(open_index(kept.url, write=True)) as database:
        kept.keeper.retain(database)
    record(kept, ["Patient/anne"], kept.now)
    kept.anchor()
    found = checked(made(kept))
    assert (found.lines, found.loose, found.chains) == (1, 0, 1)
    assert checked(made(kept, ANNE)).lines == 1
