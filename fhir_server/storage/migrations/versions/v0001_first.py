"""The first tables."""

import sqlalchemy as sa
from alembic import op

from fhir_server.storage import touched
from fhir_server.storage.migrations import first_authorization
from fhir_server.storage.migrations.columns import BYTES, ROW, bytes_, number, text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create resource, history, the index, membership, circle, the record, and what the authorization server remembers."""
    _resources()
    _index()
    _membership()
    _circle()
    _consent()
    _index_state()
    _attachment()
    _audit()
    _touched()
    _subscriptions()
    first_authorization.create()


def _resources() -> None:
    op.create_table(
        "resource",
        sa.Column("row", ROW, primary_key=True),
        number("self"),
        number("updated"),
        number("sort"),
        sa.Column("dossier", sa.BigInteger),
        sa.Column("circle", sa.BigInteger, comment="the resource that makes its circle"),
        sa.Column("written", sa.BigInteger, nullable=False, server_default=_transaction()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("put", sa.Boolean, nullable=False, comment="made by PUT, which found nothing to update"),
        bytes_("type"),
        bytes_("id"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("resource_self", "resource", ["self"], unique=True)
    op.create_index("resource_updated", "resource", ["type", "updated", "row"])
    op.create_index("resource_dossier", "resource", ["dossier", "type", "sort", "row", "deleted"])
    some = sa.text("circle IS NOT NULL")
    op.create_index("resource_circle", "resource", ["circle"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "history",
        number("row"),
        sa.Column("version", sa.Integer, nullable=False),
        bytes_("type"),
        number("updated"),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("put", sa.Boolean, nullable=False, comment="made by PUT, which found nothing to update"),
        number("written"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("row", "version"),
    )
    op.create_index("history_updated", "history", ["type", "updated", "row", "version"])

    op.create_table("commits", sa.Column("one", ROW, primary_key=True, comment="1"), number("number"))


def _transaction() -> sa.TextClause:
    """Return what ``written`` is where an insert does not say it: this transaction, or (SQLite) before all others."""
    postgres = op.get_bind().dialect.name == "postgresql"
    return sa.text("pg_current_xact_id()::text::bigint" if postgres else "0")


def _index() -> None:
    op.create_table(
        "idx",
        number("key"),
        number("sort"),
        number("row"),
        number("high"),
        sa.PrimaryKeyConstraint("key", "sort", "row", "high"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idx_date",
        number("key"),
        number("row"),
        number("low"),
        number("high"),
        sa.PrimaryKeyConstraint("key", "row", "low", "high"),
        comment="the dates and numbers of idx that do not start with the main date, found by resource",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idx_text",
        number("key"),
        bytes_("start", "the first characters of the normalised string"),
        number("row"),
        number("mark", "hash of the string as written"),
        bytes_("rest", "what follows start"),
        sa.PrimaryKeyConstraint("key", "start", "row", "mark"),
        sqlite_with_rowid=False,
    )
    order = (number("row"), number("key"), bytes_("start", "the first characters of a text by which the resource is sorted"))
    op.create_table("idx_order", *order, sa.PrimaryKeyConstraint("row", "key", "start"), sqlite_with_rowid=False)


def _membership() -> None:
    op.create_table(
        "membership",
        number("member"),
        number("dossier"),
        number("row", "the CareTeam that gives the membership"),
        number("starts"),
        number("through", "the organisation on whose behalf, 0 for none"),
        number("ends", "exclusive"),  # after the key, or SQLite's integrity_check reads past it
        sa.PrimaryKeyConstraint("member", "dossier", "row", "starts", "through"),
        sqlite_with_rowid=False,
    )
    op.create_index("membership_dossier", "membership", ["dossier", "member", "starts", "ends", "through"])
    op.create_index("membership_row", "membership", ["row"])


def _circle() -> None:
    op.create_table(
        "circle",
        number("circle", "the resource that makes it"),
        number("member", "0 for the whole network of the dossier, 1 for another circle"),
        number("row", "of the resource that makes it"),
        number("alone", "1: needs no place in the dossier"),
        number("dossier", "of the resource that makes it: it counts there only"),
        sa.PrimaryKeyConstraint("circle", "member"),
        sqlite_with_rowid=False,
    )
    op.create_index("circle_member", "circle", ["member"])


def _consent() -> None:
    numbers = ("dossier", "row", "version", "place", "number", "made", "who", "mask", "data_low", "data_high", "starts", "ends")
    more = ("seat", "spec_recipient", "spec_holder", "spec_data", "spec_context", "spec_time")
    lists = ("holders", "purposes", "categories", "actions", "labels", "instances", "authors", "dependents")
    keys = ("author_keys", "role_keys", "dependent_keys")
    op.create_table(
        "consent_rule",
        *map(number, (*numbers, *more)),
        *map(text, ("choice", "effect", "consent", "recipient", *lists, *keys)),
        sa.PrimaryKeyConstraint("dossier", "row", "version", "place"),
        sqlite_with_rowid=False,
    )
    op.create_index("consent_rule_row", "consent_rule", ["row"])


def _index_state() -> None:
    op.create_table(
        "search_parameter",
        bytes_("type"),
        bytes_("code"),
        sa.Column("generation", sa.Integer, nullable=False, comment="how often it was defined anew"),
        sa.Column("state", sa.Text, nullable=False, comment="building, ready, retired"),
        sa.Column("id", sa.Text, nullable=False, comment="of the SearchParameter"),
        *map(text, ("kind", "expression", "targets", "url")),
        number("registered"),
        sa.PrimaryKeyConstraint("type", "code", "generation"),
    )
    op.create_table(
        "index_state",
        sa.Column("one", sa.Integer, primary_key=True, comment="1: there is one row"),
        number("parameters", "grows when what may be searched for changes"),
        sa.Column("phase", sa.Text, nullable=False, comment="of the reindex: none, fill, clear"),
        number("scope", "hash of what the reindex makes rows of"),
        number("row", "the last resource that it went over"),
        number("done"),
        number("total"),
        number("moved", "when it last got on"),
    )
    op.execute(
        "INSERT INTO index_state (one, parameters, phase, scope, row, done, total, moved) VALUES (1, 0, 'none', 0, 0, 0, 0, 0)"
    )


def _attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", BYTES, primary_key=True),
        *map(text, ("uploader", "role", "team")),
        bytes_("dossier"),
        *map(text, ("media", "name")),
        number("size"),
        text("sha256"),
        sa.Column("salt", sa.Text, nullable=False, comment="what the key of the file is made of, besides the secret of the server"),
        number("created"),
        number("expires", "when it is removed unless a message claimed it"),
        bytes_("claimed", "the message that it belongs to, Type/id"),
    )
    op.create_index("attachment_claimed", "attachment", ["claimed", "expires"])
    op.create_index("attachment_dossier", "attachment", ["dossier"])
    op.create_index("attachment_uploader", "attachment", ["uploader", "claimed"])


def _audit() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("chain", BYTES, primary_key=True),
        number("projected", "the last block that audit_event holds"),
        number("anchored", "the last block that an anchor names"),
    )
    op.create_table(
        "audit_block",
        bytes_("chain"),
        *map(number, ("number", "first", "last")),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("hash", "lines")),
        sa.Column("written", sa.BigInteger, nullable=False, server_default=_transaction()),
        sa.PrimaryKeyConstraint("chain", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table("audit_anchor", sa.Column("number", ROW, primary_key=True), number("made"), text("signed"))
    op.create_table(
        "audit_secret", sa.Column("dossier", BYTES, primary_key=True), sa.Column("wrapped", sa.LargeBinary, nullable=False)
    )
    op.create_table(
        "audit_event",
        sa.Column("row", ROW, primary_key=True),
        bytes_("chain"),
        number("seq"),
        number("recorded"),
        text("actor"),
        text("role"),
        text("action"),
        text("interaction"),
        sa.Column("status", sa.Integer, nullable=False),
        text("type"),
        text("id"),
        sa.Column("version", sa.Integer, nullable=False),
        text("dossier"),
        text("query"),
        text("purpose"),
        text("request"),
        *map(text, ("organisation", "client", "basis", "trace", "address", "source", "category", "reason", "detail")),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_event_chain", "audit_event", ["chain", "seq"], unique=True)
    op.create_index("audit_event_actor", "audit_event", ["actor", "recorded"])
    op.create_index("audit_event_recorded", "audit_event", ["recorded"])


def _touched() -> None:
    op.create_table(
        "touched",
        bytes_("dossier"),
        number("recorded"),
        number("row", "of audit_event"),
        sa.PrimaryKeyConstraint("dossier", "recorded", "row"),
        comment="the lines of the record by the dossiers that they name; the database itself keeps it in step (storage/touched)",
        sqlite_with_rowid=False,
    )
    for statement in touched.SQLITE if op.get_bind().dialect.name == "sqlite" else touched.POSTGRES:
        op.execute(statement)


def _subscriptions() -> None:
    whole = sa.Integer
    op.create_table(
        "event",
        sa.Column("number", ROW, primary_key=True),
        bytes_("type"),
        bytes_("id"),
        sa.Column("version", whole, nullable=False),
        number("updated"),
        sa.Column("told", sa.Text, nullable=False, server_default="", comment="the subscriptions that hear of a deletion (JSON)"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", BYTES, primary_key=True),
        *map(text, ("subscriber", "criteria", "channel", "endpoint", "secret", "manner", "error", "holder")),
        *map(bytes_, ("type", "host", "status")),
        *map(number, ("last", "done", "due", "attempts", "failing", "ends", "until", "turn", "heartbeat")),
        *(sa.Column(name, whole, nullable=False) for name in ("told", "keeps")),
    )
    op.create_index("subscription_due", "subscription", ["due"])
    op.create_index("subscription_told", "subscription", ["told"])
    op.create_table(
        "subscription_audience",
        number("key"),
        bytes_("type"),
        bytes_("subscription"),
        sa.PrimaryKeyConstraint("key", "type", "subscription"),
        sqlite_with_rowid=False,
    )
    op.create_index("subscription_audience_subscription", "subscription_audience", ["subscription"])
    _deliveries()


def _deliveries() -> None:
    op.create_table(
        "delivery",
        bytes_("subscription"),
        number("number", "1, 2, 3 ... of each subscription"),
        bytes_("type"),
        bytes_("id"),
        sa.Column("version", sa.Integer, nullable=False),
        number("moment"),
        sa.Column("gone", sa.Integer, nullable=False, comment="1: the version is a deletion"),
        sa.PrimaryKeyConstraint("subscription", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table("lease", sa.Column("name", BYTES, primary_key=True), text("holder"), number("until"))
