"""Sealed ids: what they stand for is known to the hub alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.federation.sealed_id import Seal, local_digest, patient_digest, source_digest, type_digest
from profiles.definitions import resource_types

Object = tuple[str, str, str, str]
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
SEAL = Seal(bytes(range(32)))
OTHER = Seal(bytes(range(1, 33)))
TYPES = st.sampled_from(sorted(resource_types()))
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
OBJECTS = st.tuples(TEXT.map("Patient/{}".format), TEXT, TYPES, TEXT)


@given(OBJECTS)
def test_what_is_sealed_opens(what: Object) -> None:
    patient, source, type_, local = what
    opened = SEAL.open_(SEAL.seal(*what))
    assert opened is not None
    assert (opened.patient, opened.source) == (patient_digest(patient), source_digest(source))
    assert (opened.type, opened.local) == (type_, local_digest(local))


@given(OBJECTS)
def test_an_id_is_a_fhir_id(what: Object) -> None:
    assert FHIR_ID.fullmatch(SEAL.seal(*what))


@given(OBJECTS, OBJECTS)
def test_two_objects_have_two_ids_and_one_object_has_one(one: Object, other: Object) -> None:
    assert (SEAL.seal(*one) == SEAL.seal(*other)) == (one == other)


@given(OBJECTS, st.integers(3, 63), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_id_does_not_open(what: Object, position: int, character: str) -> None:
    id_ = SEAL.seal(*what)
    changed = id_[:position] + character + id_[position + 1 :]
    assert changed == id_ or SEAL.open_(changed) is None


@given(OBJECTS)
def test_another_hub_does_not_open_it(what: Object) -> None:
    id_ = SEAL.seal(*what)
    assert OTHER.open_(id_) is None
    assert OTHER.open_(OTHER.seal(*what)[:3] + id_[3:]) is None


@given(st.text(max_size=70))
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert SEAL.open_(text) is None
    assert SEAL.open_("fa." + text) is None


def test_the_same_id_in_capitals_is_another_id() -> None:
    id_ = SEAL.seal("Patient/1", "linde", "Medication", "x")
    assert SEAL.open_(id_.upper()) is None
    assert SEAL.open_(id_ + "=") is None


def test_an_id_is_the_same_after_a_restart() -> None:
    again = Seal(bytes(range(32)))
    assert again.seal("Patient/1", "linde", "Medication", "x") == SEAL.seal("Patient/1", "linde", "Medication", "x")


def test_an_id_does_not_tell_what_it_stands_for() -> None:
    id_ = SEAL.seal("Patient/ansje", "linde", "Medication", "wl-2041-01")
    assert not {"ansje", "linde", "2041"} & set(re.split("[-.]", id_))


def test_ids_of_an_older_secret_still_open() -> None:
    id_ = OTHER.seal("Patient/1", "linde", "Medication", "x")
    renewed = Seal(bytes(range(32)), [bytes(range(1, 33))])
    opened = renewed.open_(id_)
    assert opened is not None
    assert opened.type == "Medication"
    assert renewed.seal("Patient/1", "linde", "Medication", "x") != id_


def test_every_type_of_r4_has_a_digest_of_its_own() -> None:
    assert len({type_digest(name) for name in resource_types()}) == len(set(resource_types()))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Seal(b"short")


@given(TEXT, TEXT)
def test_an_opaque_urn_stands_for_one_text(one: str, other: str) -> None:
    assert SEAL.opaque(one).startswith("urn:uuid:")
    assert (SEAL.opaque(one) == SEAL.opaque(other)) == (one == other)
    assert SEAL.opaque(one) != OTHER.opaque(one)
