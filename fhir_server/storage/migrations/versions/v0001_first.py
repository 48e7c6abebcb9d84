"""The first tables."""

import sqlalchemy as sa
from alembic import op

from fhir_server.storage import touched

revision = "0001"
down_revision = None

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")
BYTES = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number(name: str, comment: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _bytes(name: str, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, BYTES, nullable=False, comment=comment)


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
    _authorization()
    _logged_in()


def _resources() -> None:
    op.create_table(
        "resource",
        sa.Column("row", ROW, primary_key=True),
        _number("self"),
        _bytes("type"),
        _bytes("id"),
        sa.Column("version", sa.Integer, nullable=False),
        _number("updated"),
        sa.Column("deleted", sa.Boolean, nullable=False),
        _number("sort"),
        sa.Column("dossier", sa.BigInteger),
        sa.Column("circle", sa.BigInteger, comment="the resource that makes its circle"),
        sa.Column("written", sa.BigInteger, nullable=False, server_default=_transaction()),
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
        _number("row"),
        sa.Column("version", sa.Integer, nullable=False),
        _bytes("type"),
        _number("updated"),
        sa.Column("deleted", sa.Boolean, nullable=False),
        _number("written"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("row", "version"),
    )
    op.create_index("history_updated", "history", ["type", "updated", "row", "version"])

    op.create_table("commits", sa.Column("one", ROW, primary_key=True, comment="1"), _number("number"))


def _transaction() -> sa.TextClause:
    """Return what ``written`` is where an insert does not say it: this transaction, or (SQLite) before all others."""
    postgres = op.get_bind().dialect.name == "postgresql"
    return sa.text("pg_current_xact_id()::text::bigint" if postgres else "0")


def _index() -> None:
    op.create_table(
        "idx",
        _number("key"),
        _number("sort"),
        _number("row"),
        _number("high"),
        sa.PrimaryKeyConstraint("key", "sort", "row", "high"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idx_date",
        _number("key"),
        _number("row"),
        _number("low"),
        _number("high"),
        sa.PrimaryKeyConstraint("key", "row", "low", "high"),
        comment="the dates and numbers of idx that do not start with the main date, found by resource",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idx_text",
        _number("key"),
        _bytes("start", "the first characters of the normalised string"),
        _number("row"),
        _number("mark", "hash of the string as written"),
        _bytes("rest", "what follows start"),
        sa.PrimaryKeyConstraint("key", "start", "row", "mark"),
        sqlite_with_rowid=False,
    )
    order = (_number("row"), _number("key"), _bytes("start", "the first characters of a text by which the resource is sorted"))
    op.create_table("idx_order", *order, sa.PrimaryKeyConstraint("row", "key", "start"), sqlite_with_rowid=False)


def _membership() -> None:
    op.create_table(
        "membership",
        _number("member"),
        _number("dossier"),
        _number("row", "the CareTeam that gives the membership"),
        _number("starts"),
        _number("through", "the organisation on whose behalf, 0 for none"),
        _number("ends", "exclusive"),  # after the key, or SQLite's integrity_check reads past it
        sa.PrimaryKeyConstraint("member", "dossier", "row", "starts", "through"),
        sqlite_with_rowid=False,
    )
    op.create_index("membership_dossier", "membership", ["dossier", "member", "starts", "ends", "through"])
    op.create_index("membership_row", "membership", ["row"])


def _circle() -> None:
    op.create_table(
        "circle",
        _number("circle", "the resource that makes it"),
        _number("member", "0 for the whole network of the dossier, 1 for another circle"),
        _number("row", "of the resource that makes it"),
        _number("alone", "1: needs no place in the dossier"),
        _number("dossier", "of the resource that makes it: it counts there only"),
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
        *map(_number, (*numbers, *more)),
        *map(_text, ("choice", "effect", "consent", "recipient", *lists, *keys)),
        sa.PrimaryKeyConstraint("dossier", "row", "version", "place"),
        sqlite_with_rowid=False,
    )
    op.create_index("consent_rule_row", "consent_rule", ["row"])


def _index_state() -> None:
    op.create_table(
        "search_parameter",
        _bytes("type"),
        _bytes("code"),
        sa.Column("generation", sa.Integer, nullable=False, comment="how often it was defined anew"),
        sa.Column("state", sa.Text, nullable=False, comment="building, ready, retired"),
        sa.Column("id", sa.Text, nullable=False, comment="of the SearchParameter"),
        *map(_text, ("kind", "expression", "targets", "url")),
        _number("registered"),
        sa.PrimaryKeyConstraint("type", "code", "generation"),
    )
    op.create_table(
        "index_state",
        sa.Column("one", sa.Integer, primary_key=True, comment="1: there is one row"),
        _number("parameters", "grows when what may be searched for changes"),
        sa.Column("phase", sa.Text, nullable=False, comment="of the reindex: none, fill, clear"),
        _number("scope", "hash of what the reindex makes rows of"),
        _number("row", "the last resource that it went over"),
        _number("done"),
        _number("total"),
        _number("moved", "when it last got on"),
    )
    op.execute(
        "INSERT INTO index_state (one, parameters, phase, scope, row, done, total, moved) VALUES (1, 0, 'none', 0, 0, 0, 0, 0)"
    )


def _attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", BYTES, primary_key=True),
        *map(_text, ("uploader", "role", "team")),
        _bytes("dossier"),
        *map(_text, ("media", "name")),
        _number("size"),
        _text("sha256"),
        sa.Column("salt", sa.Text, nullable=False, comment="what the key of the file is made of, besides the secret of the server"),
        _number("created"),
        _number("expires", "when it is removed unless a message claimed it"),
        _bytes("claimed", "the message that it belongs to, Type/id"),
    )
    op.create_index("attachment_claimed", "attachment", ["claimed", "expires"])
    op.create_index("attachment_dossier", "attachment", ["dossier"])
    op.create_index("attachment_uploader", "attachment", ["uploader", "claimed"])


def _audit() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("chain", BYTES, primary_key=True),
        _number("projected", "the last block that audit_event holds"),
        _number("anchored", "the last block that an anchor names"),
    )
    op.create_table(
        "audit_block",
        _bytes("chain"),
        *map(_number, ("number", "first", "last")),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("hash", "lines")),
        sa.Column("written", sa.BigInteger, nullable=False, server_default=_transaction()),
        sa.PrimaryKeyConstraint("chain", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table("audit_anchor", sa.Column("number", ROW, primary_key=True), _number("made"), _text("signed"))
    op.create_table(
        "audit_secret", sa.Column("dossier", BYTES, primary_key=True), sa.Column("wrapped", sa.LargeBinary, nullable=False)
    )
    op.create_table(
        "audit_event",
        sa.Column("row", ROW, primary_key=True),
        _bytes("chain"),
        _number("seq"),
        _number("recorded"),
        _text("actor"),
        _text("role"),
        _text("action"),
        _text("interaction"),
        sa.Column("status", sa.Integer, nullable=False),
        _text("type"),
        _text("id"),
        sa.Column("version", sa.Integer, nullable=False),
        _text("dossier"),
        _text("query"),
        _text("purpose"),
        _text("request"),
        *map(_text, ("organisation", "client", "basis", "trace", "address", "source", "category", "reason", "detail")),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_event_chain", "audit_event", ["chain", "seq"], unique=True)
    op.create_index("audit_event_actor", "audit_event", ["actor", "recorded"])
    op.create_index("audit_event_recorded", "audit_event", ["recorded"])


def _touched() -> None:
    op.create_table(
        "touched",
        _bytes("dossier"),
        _number("recorded"),
        _number("row", "of audit_event"),
        sa.PrimaryKeyConstraint("dossier", "recorded", "row"),
        comment="the lines of the record by the dossiers that they name; the database itself keeps it in step (storage/touched)",
        sqlite_with_rowid=False,
    )
    for statement in touched.SQLITE if op.get_bind().dialect.name == "sqlite" else touched.POSTGRES:
        op.execute(statement)


def _authorization() -> None:
    op.create_table(
        "oauth_code",
        _bytes("hash"),
        _text("family"),
        _text("client"),
        _text("subject"),
        _bytes("session"),
        _number("authenticated"),
        _text("redirect_uri"),
        _text("challenge"),
        _number("expires"),
        _number("used", "when it was taken, 0: not yet"),
        _text("granted"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_code_session", "oauth_code", ["session"])
    op.create_table(
        "oauth_refresh",
        _bytes("hash"),
        _text("family"),
        _text("client"),
        _text("subject"),
        _bytes("session"),
        _number("authenticated"),
        _number("expires"),
        _number("ends"),
        _number("used", "when it was rotated, 0: not yet"),
        _text("bound"),
        _text("granted"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_refresh_session", "oauth_refresh", ["session"])
    live = sa.text("used = 0")
    op.create_index("oauth_refresh_live", "oauth_refresh", ["subject"], sqlite_where=live, postgresql_where=live)


def _subscriptions() -> None:
    whole = sa.Integer
    op.create_table(
        "event",
        sa.Column("number", ROW, primary_key=True),
        _bytes("type"),
        _bytes("id"),
        sa.Column("version", whole, nullable=False),
        _number("updated"),
        sa.Column("told", sa.Text, nullable=False, server_default="", comment="the subscriptions that hear of a deletion (JSON)"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", BYTES, primary_key=True),
        *map(_text, ("subscriber", "criteria", "channel", "endpoint", "secret", "manner", "error", "holder")),
        *map(_bytes, ("type", "host", "status")),
        *map(_number, ("last", "done", "due", "attempts", "failing", "ends", "until", "turn", "heartbeat")),
        *(sa.Column(name, whole, nullable=False) for name in ("told", "keeps")),
    )
    op.create_index("subscription_due", "subscription", ["due"])
    op.create_index("subscription_told", "subscription", ["told"])
    op.create_table(
        "subscription_audience",
        _number("key"),
        _bytes("type"),
        _bytes("subscription"),
        sa.PrimaryKeyConstraint("key", "type", "subscription"),
        sqlite_with_rowid=False,
    )
    op.create_index("subscription_audience_subscription", "subscription_audience", ["subscription"])
    _deliveries()


def _deliveries() -> None:
    op.create_table(
        "delivery",
        _bytes("subscription"),
        _number("number", "1, 2, 3 ... of each subscription"),
        _bytes("type"),
        _bytes("id"),
        sa.Column("version", sa.Integer, nullable=False),
        _number("moment"),
        sa.Column("gone", sa.Integer, nullable=False, comment="1: the version is a deletion"),
        sa.PrimaryKeyConstraint("subscription", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table("lease", sa.Column("name", BYTES, primary_key=True), _text("holder"), _number("until"))


def _logged_in() -> None:
    op.create_table(
        "oauth_session",
        _bytes("hash"),
        _text("id"),
        _bytes("subject"),
        _text("role"),
        _number("authenticated"),
        _number("idle"),
        _number("ends"),
        _text("csrf"),
        _text("organisation"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("oauth_session_subject", "oauth_session", ["subject"])
    op.create_table(
        "oauth_consent",
        _bytes("subject"),
        _bytes("client"),
        _bytes("patient"),
        _text("scope"),
        _number("given"),
        sa.PrimaryKeyConstraint("subject", "client", "patient"),
    )
    op.create_table(
        "oauth_used",
        _bytes("value"),
        _number("expires"),
        sa.PrimaryKeyConstraint("value"),
    )
    op.create_table(
        "oauth_revocation",
        _bytes("kind"),
        _bytes("value"),
        _number("since"),
        _number("until"),
        sa.PrimaryKeyConstraint("kind", "value"),
    )
    op.create_index("oauth_revocation_since", "oauth_revocation", ["since"])
