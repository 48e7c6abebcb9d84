"""Every request leaves exactly one line in the record, whatever its outcome."""

from collections.abc import Callable

import pytest
from flows.client import Client, Demo, Reply

ROLE = {"resourceType": "Practitioner", "id": "recorded", "active": True}
LAST = (
    "SELECT actor, role, action, interaction, status, type, id, version, dossier, query, purpose "
    "FROM audit_event ORDER BY row DESC LIMIT 1"
)


def anonymous(hub: Demo) -> Client:
    return Client(hub.port)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (
            lambda hub: hub.as_("gp").get("Patient/ansje"),
            ("Practitioner/gp-harmsen", "practitioner", "R", "read", 200, "Patient", "ansje", 1),
        ),
        (
            lambda hub: hub.as_("gp").request("HEAD", "Patient/ansje"),
            ("Practitioner/gp-harmsen", "practitioner", "R", "read", 200, "Patient", "ansje", 1),
        ),
        (
            lambda hub: hub.as_("gp").get("Patient/ansje", If_None_Match='W/"1"'),
            ("Practitioner/gp-harmsen", "practitioner", "R", "read", 304, "Patient", "ansje", 1),
        ),
        (
            lambda hub: hub.as_("outsider").get("Patient/ansje"),
            ("Practitioner/gp-elders", "practitioner", "R", "read", 403, "Patient", "ansje", 0),
        ),
        (
            lambda hub: hub.as_("gp").get("Patient/nobody"),
            ("Practitioner/gp-harmsen", "practitioner", "R", "read", 404, "Patient", "nobody", 0),
        ),
        (lambda hub: anonymous(hub).get("Patient/ansje"), ("", "", "R", "read", 401, "Patient", "ansje", 0)),
        (lambda hub: anonymous(hub).get("metadata"), ("", "", "E", "capabilities", 200, "", "", 0)),
        (lambda hub: hub.as_("system").get("Nonsense"), ("", "", "E", "unknown", 404, "", "", 0)),
        (
            lambda hub: hub.as_("system").post({"resourceType": "Patient", "colour": 1}),
            ("Device/platform", "system", "C", "create", 422, "Patient", "", 0),
        ),
        (
            lambda hub: hub.as_("gp").get("Communication"),
            ("Practitioner/gp-harmsen", "practitioner", "E", "search-type", 200, "Communication", "", 0),
        ),
    ],
)
def test_one_line_for_each_request(hub: Demo, ask: Callable[[Demo], Reply], expected: tuple[object, ...]) -> None:
    before = hub.recorded()
    ask(hub)
    assert hub.recorded() == before + 1
    assert hub.rows(LAST)[0][: len(expected)] == expected


def test_a_write_and_its_line_are_one(hub: Demo) -> None:
    before = hub.recorded()
    version = int(hub.as_("system").put(ROLE).headers["etag"].strip('W/"'))
    assert hub.recorded() == before + 1
    assert hub.rows(LAST)[0][2:8] == ("U", "update", 201 if version == 1 else 200, "Practitioner", "recorded", version)


def test_of_a_search_only_the_names_of_the_parameters_are_kept(hub: Demo) -> None:
    hub.as_("gp").get("Patient?name=Veenstra&birthdate=1941-03-05")
    assert hub.rows(LAST)[0][9] == "name&birthdate"


def test_a_federated_search_names_whose_data_it_was(hub: Demo) -> None:
    hub.as_("gp").get("MedicationDispense?patient=Patient/ansje")
    assert hub.rows(LAST)[0][4:9] == (200, "MedicationDispense", "", 0, "Patient/ansje")
