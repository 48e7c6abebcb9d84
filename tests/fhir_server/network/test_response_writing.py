"""Who may write a response to a questionnaire, and how it goes from one status to the next."""

from typing import Any

import pytest

from fhir_server.errors import FhirError
from fhir_server.network.response_writing import check, source_of

Json = dict[str, Any]
CLIENT, NURSE, DAUGHTER = "Patient/c", "Practitioner/n", "RelatedPerson/m"


def of(status: str = "completed", author: str = "", source: str = "", subject: str = CLIENT, **more: Any) -> Json:
    names = {"author": author, "source": source, "subject": subject}
    return {"status": status, "questionnaire": "q", **{name: {"reference": each} for name, each in names.items() if each}, **more}


def refusal(after: Json, before: Json | None, who: str) -> str:
    try:
        check(after, before, (who,))
    except FhirError as error:
        return error.issues[0].detail
    return ""


OTHER = {"item": [{"linkId": "other"}]}


@pytest.mark.parametrize(
    ("after", "before", "who", "expected"),
    [
        (of(), None, CLIENT, ""),
        (of(author=CLIENT, source=CLIENT), None, CLIENT, ""),
        (of("amended"), None, CLIENT, "response-status"),
        (of(subject=""), None, CLIENT, "response-subject"),
        (of(), None, NURSE, "response-author"),
        (of(author=CLIENT), None, NURSE, "response-author"),
        (of(author=NURSE), None, CLIENT, "response-author"),
        (of(author=NURSE), None, NURSE, ""),
        (of(author=NURSE, source=NURSE), None, NURSE, ""),
        (of(author=NURSE, source=CLIENT), None, NURSE, ""),
        (of(author=NURSE, source=DAUGHTER), None, NURSE, "response-source"),
        (of(source=DAUGHTER), None, CLIENT, "response-source"),
        (of(), of("in-progress"), CLIENT, ""),
        (of("amended", **OTHER), of(), CLIENT, ""),
        (of(**OTHER), of(), CLIENT, "response-status"),
        (of("in-progress"), of(), CLIENT, "response-status"),
        (of("entered-in-error"), of("amended"), CLIENT, ""),
        (of("completed"), of("entered-in-error"), CLIENT, "response-status"),
        (of("entered-in-error"), of("entered-in-error"), CLIENT, ""),
        (of("amended", author=NURSE), of(author=NURSE), CLIENT, ""),
        (of("amended", author=NURSE), of(author=NURSE), NURSE, ""),
        (of("amended", author=NURSE), of(author=NURSE), DAUGHTER, "response-of-another"),
        (of("amended", author=DAUGHTER), of(author=NURSE), NURSE, "response-author"),
        (of("amended"), of(), NURSE, "response-of-another"),
        (of("amended", questionnaire="z"), of(), CLIENT, "response-other-form"),
        (of("amended", subject="Patient/z"), of(), CLIENT, "response-other-form"),
    ],
)
def test_who_may_do_what(after: Json, before: Json | None, who: str, expected: str) -> None:
    assert refusal(after, before, who) == expected


def test_a_representative_changes_and_does_not_pose_as_the_client() -> None:
    check(of("amended", author=NURSE), of(author=NURSE), (DAUGHTER,), (CLIENT,))
    with pytest.raises(FhirError, match="Name yourself"):
        check(of(), None, (DAUGHTER,), (CLIENT,))


def test_who_answered() -> None:
    assert source_of(of(author=NURSE)) == CLIENT
    assert source_of(of(author=NURSE, source=NURSE)) == NURSE
