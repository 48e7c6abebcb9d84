"""Judges resources by the profiles of packages, of this server and of R4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any, Final

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.errors import Issue
from fhir_server.validation.location import root
from fhir_server.validation.packaged.carry_out import carry_out
from fhir_server.validation.packaged.checks import checks_of
from fhir_server.validation.packaged.codes import Codes
from fhir_server.validation.packaged.compile import children_of
from fhir_server.validation.packaged.extensions import judge_extensions
from fhir_server.validation.packaged.inside import claims, inside
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.path import UnknownPath
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.packaged.rule import Check, Rule
from fhir_server.validation.snapshot import SnapshotError, Snapshots
from fhir_server.validation.snapshot.node import CORE
from profiles.definitions import UnknownType, type_definition

_RESOURCES: Final = ("Resource", "DomainResource")


@dataclass(frozen=True, slots=True)
class Made:
    """A profile ready for use: the type it is of, what it checks of a value as a whole, and of what is in it."""

    type: str
    checks: tuple[Check, ...]
    children: tuple[Rule, ...]
    modifier: bool


class Profiles:
    """All profiles that ``canonicals`` finds; each is made ready when it is first used, and kept."""

    def __init__(self, canonicals: Canonicals) -> None:
        self.canonicals = canonicals
        self.snapshots = Snapshots(canonicals.structure_definition)
        self.codes = Codes(canonicals)
        self._made: dict[str, Made | str] = {}
        self._making = RLock()

    def made(self, url: str) -> Made | str:
        """Return the profile with this canonical URL, or one line that says why it cannot be used."""
        found = self._made.get(url)
        if found is None:
            with self._making:
                found = self._made[url] = self._make(url)
        return found

    def _make(self, url: str) -> Made | str:
        try:
            tree = self.snapshots.of(url)
            checks = tuple(checks_of(tree, url, self))
            return Made(tree.type_name, checks, children_of(tree, url, self), bool(tree.own.get("isModifier")))
        except SnapshotError as error:
            return str(error)
        except UnknownPath as error:
            return f"{url} slices by {error}, which is no path of a discriminator"
        except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
            return f"{url} is no StructureDefinition as FHIR defines it ({type(error).__name__})"

    def knows(self, url: str) -> bool:
        """Tell whether there is a profile with this canonical URL."""
        return self.canonicals.structure_definition(url) is not None

    def type_of(self, url: str) -> str:
        """Return the type that a profile is of, "" where it is not known."""
        name = url.partition("|")[0].removeprefix(CORE)
        definition = self.canonicals.structure_definition(url)
        if definition is not None:
            return str(definition.get("type", ""))
        try:
            return type_definition(name).name
        except UnknownType:
            return ""

    def judge(self, item: Item, url: str, look: Look) -> None:
        """Note in ``look`` how ``item`` deviates from a profile, or that this could not be checked."""
        made, met = self.made(url), (id(item.value), url)
        if isinstance(made, str):
            look.unchecked(f"Whether this conforms to {url} could not be checked: {made}.", item.at)
        elif item.type != made.type and made.type not in _RESOURCES:
            text = f"The profile {url} is of {made.type}, and this is not."
            look.error("invalid", "profile-type", text, item.at)
        elif met not in look.stack:
            look.stack.add(met)
            for check in made.checks:
                check(item, look)
            carry_out(made.children, item.owner, item.at, look)
            look.stack.discard(met)

    def conforms(self, item: Item, url: str, look: Look) -> bool | None:
        """Tell whether ``item`` conforms to a profile, without a word; None where the profile cannot be used."""
        if isinstance(self.made(url), str):
            return None
        beside = look.aside()
        self.judge(item, url, beside)
        return not beside.found

    def examine(self, resource: Mapping[str, Any], urls: Iterable[str]) -> list[Issue]:
        """Return what is wrong with ``resource``, which is valid R4, by the profiles ``urls``, which are known, and what is in it.

        Extensions are judged by their definitions; resources inside of it by the profiles that they claim themselves.
        """
        type_ = str(resource["resourceType"])
        at, look = root(type_), Look(resource)
        for url in urls:
            self.judge(Item(resource, None, type_, at), url, look)
        judge_extensions(resource, at, self, look)
        for inner, where in inside(resource, at):
            look.resource = inner if where[1] == "resource" else resource
            for url in claims(inner):
                if self.knows(url):
                    self.judge(Item(inner, None, str(inner.get("resourceType")), where), url, look)
        return list(look.issues.values())
