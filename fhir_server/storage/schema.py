"""The tables, the same on both engines.

``resource`` holds the current version of every resource, ``history`` what it replaced; a body is stored once. ``idx``,
``idx_text`` and ``idx_order`` are the search index (``search/rows.py``), ``membership`` who belongs to which dossier, ``circle``
who stands in the circle of a conversation, message or task, ``consent_rule`` what clients decided about their dossiers.
The record is the journal, ``audit_block`` in chains (``audit_chain``) that ``audit_anchor`` holds fast; ``audit_event`` is made
from it, to be searched, ``touched`` its lines by dossier, and ``audit_secret`` is what opens the free texts about a dossier.
``attachment`` is what is known of files that go along with messages (``storage/attachments``).
``search_parameter`` are the parameters of the user's own, ``index_state`` is one row: how far a reindex has come.
Of ``consent_rule``, ``row`` is the Consent, ``place`` the rule among its rules, ``number`` its provision, ``who`` the key of
``recipient`` (0: everyone), ``seat`` that of the dossier whose members have it as their function (0: it is none), ``mask`` has a
bit for each of ``labels``; a list is one text, each item between two U+001F,
and of keys (``author_keys``) their numbers with commas between.
References are stored as ``rows.key`` of "Type/id". Instants are microseconds since 1970-01-01T00:00:00Z. ``written`` is the number
of the transaction that wrote a version: on PostgreSQL its own, on SQLite counted in ``commits``, which has one row.
``event`` are new versions that subscriptions have not been told of yet, ``subscription`` is what the server keeps beside each
Subscription, ``subscription_audience`` the references by which it is found, ``delivery`` what it is to be told, ``lease`` who
works at that (``storage/subscriptions``).
``oauth_*`` is what the authorization server remembers (``storage/authorization``), secrets only as hashes.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text, text

from fhir_server.storage import audit_tables, authorization_tables, subscription_tables
from fhir_server.storage.columns import BYTES, ROW
from fhir_server.storage.consent_rows import KEYS, LISTS, SPECIFICITY

_IN_CIRCLE = "circle IS NOT NULL"

metadata = MetaData()

resource = Table(
    "resource",
    metadata,
    Column("row", ROW, primary_key=True),  # what has eight bytes comes first: PostgreSQL leaves gaps before it otherwise
    Column("self", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("sort", BigInteger, nullable=False),
    Column("dossier", BigInteger),
    Column("circle", BigInteger, comment="the resource that makes its circle"),
    Column("written", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("put", Boolean, nullable=False, comment="made by PUT, which found nothing to update"),
    Column("type", BYTES, nullable=False),
    Column("id", BYTES, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("resource_self", "self", unique=True),
    Index("resource_updated", "type", "updated", "row"),
    Index("resource_dossier", "dossier", "type", "sort", "row", "deleted"),  # all that choosing candidates reads
    Index("resource_circle", "circle", sqlite_where=text(_IN_CIRCLE), postgresql_where=text(_IN_CIRCLE)),
    sqlite_autoincrement=True,  # the number of a row that was erased never comes back
)

history = Table(
    "history",
    metadata,
    Column("row", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", BYTES, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("put", Boolean, nullable=False, comment="made by PUT, which found nothing to update"),
    Column("written", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("row", "version"),
    Index("history_updated", "type", "updated", "row", "version"),
)

commits = Table(
    "commits",
    metadata,
    Column("one", ROW, primary_key=True, comment="1"),
    Column("number", BigInteger, nullable=False),
)

idx = Table(
    "idx",
    metadata,
    Column("key", BigInteger, nullable=False),
    Column("sort", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    PrimaryKeyConstraint("key", "sort", "row", "high"),
    sqlite_with_rowid=False,
)

idx_date = Table(
    "idx_date",
    metadata,
    Column("key", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    PrimaryKeyConstraint("key", "row", "low", "high"),
    comment="the dates and numbers of idx that do not start with the main date, found by resource",
    sqlite_with_rowid=False,
)

idx_text = Table(
    "idx_text",
    metadata,
    Column("key", BigInteger, nullable=False),
    Column("start", BYTES, nullable=False, comment="the first characters of the normalised string"),
    Column("row", BigInteger, nullable=False),
    Column("mark", BigInteger, nullable=False, comment="hash of the string as written"),
    Column("rest", BYTES, nullable=False, comment="what follows start"),
    PrimaryKeyConstraint("key", "start", "row", "mark"),
    sqlite_with_rowid=False,
)

idx_order = Table(
    "idx_order",
    metadata,
    Column("row", BigInteger, nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("start", BYTES, nullable=False, comment="the first characters of a text by which the resource is sorted"),
    PrimaryKeyConstraint("row", "key", "start"),
    sqlite_with_rowid=False,
)

membership = Table(
    "membership",
    metadata,
    Column("member", BigInteger, nullable=False),
    Column("dossier", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False, comment="the CareTeam that gives the membership"),
    Column("starts", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False, comment="the organisation on whose behalf, 0 for none"),
    Column("ends", BigInteger, nullable=False, comment="exclusive"),
    PrimaryKeyConstraint("member", "dossier", "row", "starts", "through"),
    Index("membership_dossier", "dossier", "member", "starts", "ends", "through"),
    Index("membership_row", "row"),
    sqlite_with_rowid=False,
)

circle = Table(
    "circle",
    metadata,
    Column("circle", BigInteger, nullable=False, comment="the resource that makes it"),
    Column("member", BigInteger, nullable=False, comment="0 for the whole network of the dossier, 1 for another circle"),
    Column("row", BigInteger, nullable=False, comment="of the resource that makes it"),
    Column("alone", BigInteger, nullable=False, comment="1: needs no place in the dossier"),
    Column("dossier", BigInteger, nullable=False, comment="of the resource that makes it: it counts there only"),
    PrimaryKeyConstraint("circle", "member"),
    Index("circle_member", "member"),
    sqlite_with_rowid=False,
)

consent_rule = Table(
    "consent_rule",
    metadata,
    Column("dossier", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("who", BigInteger, nullable=False),
    Column("seat", BigInteger, nullable=False),
    Column("mask", BigInteger, nullable=False),
    Column("data_low", BigInteger, nullable=False),
    Column("data_high", BigInteger, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in SPECIFICITY),
    *(Column(name, Text, nullable=False) for name in ("choice", "effect", "consent", "recipient")),
    *(Column(name, Text, nullable=False) for name in (*LISTS, *KEYS)),
    PrimaryKeyConstraint("dossier", "row", "version", "place"),
    Index("consent_rule_row", "row"),
    sqlite_with_rowid=False,
)

index_state = Table(
    "index_state",
    metadata,
    Column("one", Integer, primary_key=True, comment="1: there is one row"),
    Column("parameters", BigInteger, nullable=False, comment="grows when what may be searched for changes"),
    Column("phase", Text, nullable=False, comment="of the reindex: none, fill, clear"),
    Column("scope", BigInteger, nullable=False, comment="hash of what the reindex makes rows of"),
    Column("row", BigInteger, nullable=False, comment="the last resource that it went over"),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False, comment="when it last got on"),
)

search_parameter = Table(
    "search_parameter",
    metadata,
    Column("type", BYTES, nullable=False),
    Column("code", BYTES, nullable=False),
    Column("generation", Integer, nullable=False, comment="how often it was defined anew"),
    Column("state", Text, nullable=False, comment="building, ready, retired"),
    Column("id", Text, nullable=False, comment="of the SearchParameter"),
    Column("kind", Text, nullable=False),
    Column("expression", Text, nullable=False),
    Column("targets", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("registered", BigInteger, nullable=False),
    PrimaryKeyConstraint("type", "code", "generation"),
)

attachment = Table(
    "attachment",
    metadata,
    Column("id", BYTES, primary_key=True),
    Column("uploader", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("dossier", BYTES, nullable=False),
    Column("media", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("salt", Text, nullable=False, comment="what the key of the file is made of, besides the secret of the server"),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False, comment="when it is removed unless a message claimed it"),
    Column("claimed", BYTES, nullable=False, comment="the message that it belongs to, Type/id"),
    Index("attachment_claimed", "claimed", "expires"),
    Index("attachment_dossier", "dossier"),
    Index("attachment_uploader", "uploader", "claimed"),
)

audit_tables.add(metadata)
subscription_tables.add(metadata)
authorization_tables.add(metadata)
