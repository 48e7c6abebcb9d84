"""How much of an expected set of resources a translation gives: leaf by leaf, after matching the resources.

Ids differ between makers, so resources are matched by type and business identifier, products by their codes; a reference is equal
when it leads to the resource that matches. Not compared are ids, narrative, ``meta.lastUpdated`` and versions of code systems.
Blanks around a text do not count, nor do empty values.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Resource = dict[str, object]
_IGNORED = frozenset({"id", "text.status", "text.div", "meta.lastUpdated"})


@dataclass(slots=True)
class Score:
    """Counts of expected leaves (``equal``, ``missing``, ``different``) and of unexpected ones (``extra``).

    ``paths`` counts what is not equal, by (kind, path without positions).
    """

    equal: int = 0
    missing: int = 0
    different: int = 0
    extra: int = 0
    paths: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """The number of expected leaves."""
        return self.equal + self.missing + self.different

    @property
    def percentage(self) -> float:
        """The share of the expected leaves that are equal, in percent; 100 of nothing."""
        return 100 * self.equal / self.expected if self.expected else 100.0

    def add(self, other: "Score") -> None:
        """Add the counts of ``other``."""
        self.equal += other.equal
        self.missing += other.missing
        self.different += other.different
        self.extra += other.extra
        for key, count in other.paths.items():
            self.paths[key] = self.paths.get(key, 0) + count


def compare(expected: Iterable[Resource], actual: Iterable[Resource], addresses: Mapping[str, str] | None = None) -> Score:
    """Compare two sets of resources.

    ``addresses``: the "Type/id" that a reference in ``expected`` means, where it is written otherwise (by full url).
    """
    wanted = [(resource, leaves(resource)) for resource in expected]
    offered = [(resource, leaves(resource)) for resource in actual]
    pairs = _matched(wanted, offered)
    same = {_address(wanted[left][0]): _address(offered[right][0]) for left, right in pairs.items()}
    score = Score()
    for left, (_, found) in enumerate(wanted):
        other = offered[pairs[left]][1] if left in pairs else {}
        _count(found, other, addresses or {}, same, score)
    for right in set(range(len(offered))) - set(pairs.values()):
        _count({}, offered[right][1], {}, same, score)
    return score


def leaves(resource: Resource) -> dict[str, object]:
    """Return the leaf values of a resource by path ("name[0].given[1]"); extensions are named by url instead of position."""
    found: dict[str, object] = {}
    for path, value in _walk(resource, ""):
        text = value.strip() if isinstance(value, str) else value
        plain = _plain(path)
        if text not in ("", None) and plain not in _IGNORED and not plain.endswith("coding.version"):
            found[path] = text
    return found


def _walk(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _walk(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        last = path.rpartition(".")[2]
        if last == "itemCodeableConcept":
            value = [{"coding": [one for part in value for one in part.get("coding", [])]}]
            yield from _walk(value[0], path)
            return
        seen: dict[str, int] = {}
        for position, part in enumerate(value):
            key = str(position)
            if isinstance(part, dict) and last in ("extension", "modifierExtension"):
                url = str(part.get("url"))
                seen[url] = seen.get(url, -1) + 1
                key = f"{url.rpartition('/')[2]}#{seen[url]}" if seen[url] else url.rpartition("/")[2]
                part = {name: item for name, item in part.items() if name != "url"}  # noqa: PLW2901 - without its key
            yield from _walk(part, f"{path}[{key}]")
    else:
        yield path, value


def _plain(path: str) -> str:
    """Return a path without positions in lists; names of extensions stay."""
    parts: list[str] = []
    for part in path.replace("]", "").split("["):
        number, dot, rest = part.partition(".")
        parts.append(f"{dot}{rest}" if number.isdecimal() else part if not parts else f"[{number}]{dot}{rest}")
    return "".join(parts)


def _matched(wanted: list[tuple[Resource, dict[str, object]]], offered: list[tuple[Resource, dict[str, object]]]) -> dict[int, int]:
    """Match each wanted resource to the offered one with the same key that has most leaves in common."""
    by_key: dict[object, list[int]] = {}
    for position, (resource, _) in enumerate(offered):
        by_key.setdefault(_key(resource), []).append(position)
    pairs: dict[int, int] = {}
    for position, (resource, found) in enumerate(wanted):
        candidates = by_key.get(_key(resource), [])
        if candidates:
            best = max(candidates, key=lambda candidate: len(found.items() & offered[candidate][1].items()))
            candidates.remove(best)
            pairs[position] = best
    return pairs


def _key(resource: Resource) -> object:
    """Return what a resource is recognised by: type, and identifiers or codes."""
    kind = str(resource["resourceType"])
    names = ("identifier",) if kind != "Medication" else ("code",)
    parts = [(path, value) for path, value in leaves(resource).items() if path.split(".")[0].split("[")[0] in names]
    return kind, frozenset((path, value) for path, value in parts if path.endswith(("system", "value", "code")))


def _address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource.get('id')}"


def _count(
    wanted: Mapping[str, object],
    offered: Mapping[str, object],
    addresses: Mapping[str, str],
    same: Mapping[str, str],
    score: Score,
) -> None:
    for path, value in wanted.items():
        kind = "missing"
        if path in offered:
            meant = value
            if path.endswith(".reference"):
                address = addresses.get(str(value), str(value))
                meant = same.get(address, address)
            kind = "equal" if _equal(meant, offered[path]) else "different"
        _tally(score, kind, path)
    for path in offered.keys() - wanted.keys():
        _tally(score, "extra", path)


def _equal(left: object, right: object) -> bool:
    if isinstance(left, Decimal | int) and isinstance(right, Decimal | int) and not isinstance(left, bool):
        return str(left) == str(right)
    return left == right


def _tally(score: Score, kind: str, path: str) -> None:
    setattr(score, kind, getattr(score, kind) + 1)
    if kind != "equal":
        key = (kind, _plain(path))
        score.paths[key] = score.paths.get(key, 0) + 1
