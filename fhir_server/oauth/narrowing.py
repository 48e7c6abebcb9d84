"""Scopes against scopes: what of the ones wanted lies within the ones allowed."""

from collections.abc import Iterable, Sequence

from fhir_server.access.scope import Scope, parse_scopes

LAUNCH = ("launch", "launch/patient")
OFFLINE, ONLINE = "offline_access", "online_access"
IDENTITY = ("openid", "fhirUser", "profile")
OTHERS = (*IDENTITY, *LAUNCH, OFFLINE, ONLINE)


def narrowed(wanted: str, allowed: str) -> str:
    """Return what of the scopes ``wanted`` is within ``allowed``, each once and in order; "" when nothing is.

    A scope that is allowed as a whole stays as it was written, of another one the allowed part is given.
    """
    words = allowed.split()
    most = parse_scopes(allowed)
    found: dict[str, None] = {}
    for word in wanted.split():
        if word in words:
            found[word] = None
        for scope in parse_scopes(word) if word not in words else ():
            parts = within(scope, most)
            found.update(dict.fromkeys([word] if parts == [scope] else map(written, parts)))
    return " ".join(found)


def covered(wanted: str, allowed: str) -> bool:
    """Tell whether all of ``wanted`` is within ``allowed``."""
    words = allowed.split()
    most = parse_scopes(allowed)
    return all(word in words or any(within(scope, most) == [scope] for scope in parse_scopes(word)) for word in wanted.split())


def within(scope: Scope, allowed: Sequence[Scope]) -> list[Scope]:
    """Return the parts of ``scope`` that ``allowed`` covers, [scope] itself when that is all of it."""
    same = [each for each in allowed if each.level == scope.level]
    whole = _letters(scope, [each for each in same if each.type in {"*", scope.type}])
    if whole == scope.letters:
        return [scope]
    parts = [Scope(scope.level, scope.type, whole)] if whole else []
    if scope.type == "*":
        types = dict.fromkeys(each.type for each in same if each.type != "*")
        parts += [Scope(scope.level, type_, _letters(scope, [each for each in same if each.type == type_])) for type_ in types]
    return [part for part in parts if part.letters]


def written(scope: Scope) -> str:
    """Return the scope as it is written."""
    return f"{scope.level}/{scope.type}.{scope.letters}"


def _letters(scope: Scope, allowed: Iterable[Scope]) -> str:
    given = "".join(each.letters for each in allowed)
    return "".join(letter for letter in scope.letters if letter in given)
