"""A parsed search: the tree and everything that shapes the answer."""

from dataclasses import dataclass
from typing import Literal

from fhir_server.errors import Issue
from fhir_server.search.tree import Query

Total = Literal["", "none", "estimate", "accurate"]
Summary = Literal["", "true", "text", "data", "count", "false"]


@dataclass(frozen=True, slots=True)
class Include:
    """One ``_include``: follow ``param`` of resources of ``type``, only to resources of ``target`` unless that is "".

    As ``_revinclude`` it is followed the other way, from ``target`` to ``type``. ``param`` "*" is every parameter that the type may
    include, ``type`` "*" every type. ``iterate``: also from what was included.
    """

    type: str
    param: str
    target: str = ""
    iterate: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What one request asks of one type.

    ``count_only``: the answer is the number alone (``_count=0``, ``_summary=count``). ``total`` "" leaves the choice to the server.
    ``linked``: the tree of the query has chains or ``_has`` in it, ``numbered``: what may be a BSN. ``parameters`` are those that
    were used, as the ``self`` link shows them; ``page`` is the token of ``_page``.
    """

    query: Query
    includes: tuple[Include, ...] = ()
    reverse: tuple[Include, ...] = ()
    total: Total = ""
    summary: Summary = ""
    elements: tuple[str, ...] = ()
    count_only: bool = False
    linked: bool = False
    numbered: bool = False
    warnings: tuple[Issue, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    page: str = ""
