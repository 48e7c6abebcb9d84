"""The keys that seal numbers: the next one is known before it seals, an old one still opens."""

from pathlib import Path

import pytest

from fhir_server.model.bsn_seal import BsnSeal
from fhir_server.oauth import number_keys
from fhir_server.oauth.keys import KeyFileError
from fhir_server.oauth.number_keys import NumberKey, NumberKeys, keys_in, next_key, number_seal, read, retire
from fhir_server.oauth.store import SECOND

NOW = 1_800_000_000 * SECOND
NUMBER = "999990019"


def test_there_is_one_key_at_first(tmp_path: Path) -> None:
    every, current, searched = read(tmp_path, NOW)
    assert (list(every), current, list(searched)) == (["1"], "1", ["1"])
    assert read(tmp_path, NOW).every == every


def test_the_next_key_is_searched_by_before_it_seals(tmp_path: Path) -> None:
    made = next_key(tmp_path, NOW, 5)
    assert (made.number, made.start) == (2, NOW // SECOND + 5)
    assert read(tmp_path, NOW)[1:] == ("1", ["1", "2"])
    assert read(tmp_path, NOW + 5 * SECOND)[1:] == ("2", ["1", "2"])
    assert next_key(tmp_path, NOW + 60 * SECOND, 5) == made  # it has not replaced the other yet


def test_a_retired_key_opens_and_is_not_searched_by(tmp_path: Path) -> None:
    old = number_seal(tmp_path, lambda: NOW).seal(NUMBER)
    assert retire(tmp_path, next_key(tmp_path, NOW, 0)) == 1
    assert retire(tmp_path, next_key(tmp_path, NOW, 0)) == 1
    seal = number_seal(tmp_path, lambda: NOW)
    assert (seal.current, len(seal.seals(NUMBER)), seal.open_(old)) == ("3", 1, NUMBER)
    assert [(each.number, each.retired) for each in keys_in(tmp_path)] == [(1, True), (2, True), (3, False)]


def test_a_key_that_is_retired_while_it_is_read_is_not_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal, last = number_seal(tmp_path, lambda: NOW), next_key(tmp_path, NOW, 0)
    old, looked = seal.seal(NUMBER), []

    def looking(folder: Path) -> list[NumberKey]:
        found = keys_in(folder)
        looked.append(found)
        if len(looked) == 2:
            retire(folder, last)
        return found

    monkeypatch.setattr(number_keys, "keys_in", looking)
    every, _, searched = read(tmp_path, NOW)
    assert (list(every), list(searched), BsnSeal(every, "2").open_(old)) == (["1", "2"], ["2"], NUMBER)
    assert sorted(each.name for each in (tmp_path / "keys").iterdir()) == [f"{last.name}.secret", "retired-bsn.secret"]


def test_a_process_that_runs_sees_the_next_key_within_a_second(tmp_path: Path) -> None:
    at = [NOW]
    seal = number_seal(tmp_path, lambda: at[0])
    old = seal.seal(NUMBER)
    next_key(tmp_path, NOW, 5)
    at[0] += SECOND - 1
    assert seal.seals(NUMBER) == (old,)
    at[0] += 1
    assert seal.seals(NUMBER)[0] == old
    assert len(seal.seals(NUMBER)) == 2
    at[0] += 4 * SECOND
    assert seal.seal(NUMBER) == seal.seals(NUMBER)[0] != old
    assert (seal.open_(old), seal.open_(seal.seal(NUMBER))) == (NUMBER, NUMBER)


def test_what_another_process_sealed_a_moment_ago_is_opened(tmp_path: Path) -> None:
    at = [NOW]
    seal = number_seal(tmp_path, lambda: at[0])
    next_key(tmp_path, NOW, 0)
    text = number_seal(tmp_path, lambda: at[0]).seal(NUMBER)
    at[0] += SECOND
    assert text.startswith("bsn~2~")
    assert seal.open_(text) == NUMBER


def test_the_folder_is_looked_at_once_a_second(tmp_path: Path) -> None:
    at = [NOW]
    keys = NumberKeys(tmp_path, lambda: at[0])
    assert keys() is None
    at[0] += SECOND
    assert keys() is not None
    assert keys() is None


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made = next_key(tmp_path, NOW, 0)
    (tmp_path / "keys" / f"{made.name}.secret").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        number_seal(tmp_path, lambda: NOW)


def test_both_texts_stand_for_one_number() -> None:
    keys = {"1": bytes(64), "2": bytes(range(64))}
    old, both = BsnSeal({"1": keys["1"]}, "1"), BsnSeal(keys, "2")
    text = old.seal(NUMBER)
    assert both.equivalents(text) == both.seals(NUMBER) == (both.seal(NUMBER), text)
    assert both.equivalents("something") == ("something",)
    body = f'{{"a":"{text}","b":"{both.seal(NUMBER)}","c":"bsn~9~{"a" * 32}"}}'.encode()
    assert both.resealed(body) == body.replace(text.encode(), both.seal(NUMBER).encode())
    assert old.resealed(b"{}") == b"{}"
