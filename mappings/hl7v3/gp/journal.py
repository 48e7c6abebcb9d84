"""The lines of a GP's journal: subjective, objective, evaluation, plan."""

from mappings.engine import hash_id
from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import coding
from mappings.tree import Node
from terminology.concept_maps import Match, concept_map

FUNCTIONS = Functions()
Json = dict[str, object]
LINE_TYPES = "journal-line-to-journal-line-type"
UNTITLED = "SOEP-verslag"


def line_type(code: Node) -> Match | None:
    """Return the kind of a line (S, O, E, P, with its Dutch name) by the code of the line; None for another code."""
    found = coding(code)
    return concept_map(LINE_TYPES).translate(str(found["code"]), str(found.get("system", ""))) if found else None


def report_title(report: Node) -> str:
    """Return the title of a report: its first diagnosis, else the first text of an evaluation, else a general one."""
    lines = [line for section in report.all("_section") for line in section.all("line")]
    diagnoses = [value for line in lines for one in line.all("_diagnosis") for value in one.all("value")]
    named = [name for value in diagnoses if (name := value.value("displayName"))]
    evaluations = [text.text for line in lines if _is_evaluation(line) for name in ("value", "text") for text in line.all(name)]
    return next((text for text in [*named, *evaluations] if text), UNTITLED)


def _is_evaluation(line: Node) -> bool:
    kinds = [line_type(code) for code in line.all("code")]
    return any(kind and kind.code == "E" for kind in kinds)


@FUNCTIONS.each("report_id")
def _report_id(node: Node, _call: Call) -> str | None:
    """Name a report by its own identifier, else by those of the contact and its first line; None when it has neither."""
    lines = [line for section in node.all("_section") for line in section.all("line")]
    own, of_contact, of_line = _key([node]), _key(node.all("_encounter")), _key(lines)
    return hash_id(f"report {of_contact} {of_line}") if of_line and not own else hash_id(own) if own else None


def _key(nodes: list[Node]) -> str:
    ids = [one for node in nodes for one in node.all("id") if one.value("extension")]
    return f"{ids[0].value('root')}|{ids[0].value('extension')}" if ids else ""


@FUNCTIONS.each("report_title")
def _report_title(node: Node, _call: Call) -> str:
    return report_title(node)


@FUNCTIONS.each("section_title", needs_table=True)
def _section_title(node: Node, _call: Call) -> str | None:
    found = line_type(node)
    return found.display if found else None


@FUNCTIONS.each("section_code", needs_table=True)
def _section_code(node: Node, call: Call) -> Json:
    """Return the section in SNOMED CT, as the profiles want it, and the kind of line of the Dutch table."""
    found, kind = coding(node), line_type(node)
    match = call.concept_map.translate(str(found["code"]), str(found.get("system", ""))) if found else None
    if match is None or kind is None:
        raise Unmappable("a line of the journal is of no kind that is known")
    own = {"system": kind.system, "code": kind.code, "display": kind.display}
    return {"coding": [{"system": match.system, "code": match.code, "display": match.display}, own]}
