"""The operations (https://hl7.org/fhir/R4/operations.html).

A new one is a file beside this one, a line below, and a table in ``profiles/operations.toml``.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from fhir_server.interactions.handlers import Handler
from fhir_server.operations import (
    access_log,
    access_notices,
    answer_invitation,
    binding_token,
    completeness,
    cover,
    delegate,
    everything,
    expand,
    explain_access,
    expunge,
    forward,
    hand_over,
    invite,
    leave,
    lookup,
    network_summary,
    question_report,
    questions,
    reindex,
    signal,
    subscription_events,
    subscription_status,
    translate,
    usage_report,
    validate,
    validate_code,
    verify_signal,
    what_if,
    who_can_see,
)
from fhir_server.operations.asked_parameters import posted
from profiles.operations import DEFINITIONS


class Operation(NamedTuple):
    """The operation ``$code`` on one resource of ``type``, on the type itself (``of_type``), or on the whole system.

    "Resource" is any type.

    Which method does what say ``methods``: their values, the interactions, are the names under which the record knows it.
    """

    code: str
    methods: Mapping[str, tuple[str, Handler]]
    type: str = ""
    of_type: bool = False

    @property
    def definition(self) -> str:
        """The canonical URL of its OperationDefinition."""
        return f"{DEFINITIONS}{self.code}"


def reading(code: str, handle: Handler, type_: str = "") -> Operation:
    """Return an operation that changes nothing and reads the parameters of a URL: GET, HEAD, and POST with them in a body."""
    return asking(code, posted(handle), type_)


def asking(code: str, handle: Handler, type_: str = "", *, of_type: bool = False) -> Operation:
    """Return an operation that changes nothing, whose parameters may also come in a body: GET, HEAD and POST."""
    interaction = (f"${code}", handle)
    return Operation(code, {"GET": interaction, "HEAD": interaction, "POST": interaction}, type_, of_type)


def writing(code: str, handle: Handler, type_: str) -> Operation:
    """Return an operation that changes a dossier: POST."""
    return Operation(code, {"POST": (f"${code}", handle)}, type_)


def coded(code: str, handle: Handler, type_: str) -> Iterator[Operation]:
    """Yield an operation of terminology: on the type, about the canonical URL that is given, and on what is published here."""
    yield asking(code, handle, type_, of_type=True)
    yield asking(code, handle, type_)


REGISTERED: Final = (
    Operation("reindex", {"POST": ("reindex", reindex.start), "GET": ("reindex-status", reindex.status)}),
    asking("everything", everything.everything, "Patient"),
    reading("completeness", completeness.receipt, "Patient"),
    Operation("validate", {"POST": ("$validate", validate.validate)}, "Resource", of_type=True),
    Operation("validate", {"POST": ("$validate", validate.validate)}, "Resource"),
    *coded("validate-code", validate_code.validate_code, "CodeSystem"),
    *coded("validate-code", validate_code.validate_code, "ValueSet"),
    *coded("lookup", lookup.lookup, "CodeSystem"),
    *coded("expand", expand.expand, "ValueSet"),
    *coded("translate", translate.translate, "ConceptMap"),
    reading("access-log", access_log.access_log, "Patient"),
    Operation("access-notices", access_notices.METHODS, "Patient"),
    reading("usage-report", usage_report.usage_report),
    reading("question-report", question_report.question_report),
    reading("who-can-see", who_can_see.who_can_see, "Patient"),
    reading("explain-access", explain_access.explain_access, "Patient"),
    Operation("expunge", {"POST": ("$expunge", expunge.expunge)}, "Patient"),
    Operation("what-if", {"POST": ("$what-if", what_if.what_if)}, "Patient"),
    reading("network-summary", network_summary.network_summary, "Patient"),
    asking("status", subscription_status.status, "Subscription"),
    asking("status", subscription_status.status, "Subscription", of_type=True),
    asking("events", subscription_events.events, "Subscription"),
    asking("get-ws-binding-token", binding_token.binding_token, "Subscription"),
    writing("escalate", questions.escalate, "CommunicationRequest"),
    writing("answer", questions.answer, "CommunicationRequest"),
    writing("forward", forward.forward, "Communication"),
    writing("forward", forward.forward, "CommunicationRequest"),
    writing("invite", invite.invite, "CareTeam"),
    writing("signal", signal.signal, "Patient"),
    writing("verify", verify_signal.verify, "Task"),
    writing("accept", answer_invitation.accept, "Task"),
    writing("decline", answer_invitation.decline, "Task"),
    writing("cancel", answer_invitation.cancel, "Task"),
    writing("delegate", delegate.delegate, "CareTeam"),
    writing("leave", leave.leave, "CareTeam"),
    writing("remove", leave.remove, "CareTeam"),
    writing("cover", cover.cover, "Practitioner"),
    writing("hand-over", hand_over.hand_over, "Organization"),
)
OPERATIONS: Final[Mapping[str, Handler]] = {name: handle for each in REGISTERED for name, handle in each.methods.values()}
"""What carries each of them out, by the names of the interactions."""
ROUTES: Final = {
    (each.type + "/" * each.of_type, f"${each.code}"): {method: name for method, (name, _) in each.methods.items()}
    for each in REGISTERED
}
"""The interactions by type ("Type/" for those of the type itself) and path, then by method."""
DECLARED: Final = tuple(dict.fromkeys((each.type, each.code, each.definition) for each in REGISTERED))
"""Type, code and definition of each, for the CapabilityStatement."""
