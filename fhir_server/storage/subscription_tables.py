"""The tables of subscriptions (``storage/subscriptions``)."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from fhir_server.storage.columns import BYTES, ROW


def add(metadata: MetaData) -> None:
    """Add them to ``metadata``."""
    Table(
        "event",
        metadata,
        Column("number", ROW, primary_key=True),
        Column("type", BYTES, nullable=False),
        Column("id", BYTES, nullable=False),
        Column("version", Integer, nullable=False),
        Column("updated", BigInteger, nullable=False),
        Column("told", Text, nullable=False, server_default="", comment="the subscriptions that hear of a deletion (JSON)"),
    )
    Table(
        "subscription",
        metadata,
        Column("id", BYTES, primary_key=True),
        *(
            Column(name, Text, nullable=False)
            for name in ("subscriber", "criteria", "channel", "endpoint", "secret", "manner", "error", "holder")
        ),
        *(Column(name, BYTES, nullable=False) for name in ("type", "host", "status")),
        *(
            Column(name, BigInteger, nullable=False)
            for name in ("last", "done", "due", "attempts", "failing", "ends", "until", "turn", "heartbeat")
        ),
        *(Column(name, Integer, nullable=False) for name in ("told", "keeps")),
        Index("subscription_due", "due"),
        Index("subscription_told", "told"),
    )
    Table(
        "subscription_audience",
        metadata,
        Column("key", BigInteger, nullable=False),
        Column("type", BYTES, nullable=False),
        Column("subscription", BYTES, nullable=False),
        PrimaryKeyConstraint("key", "type", "subscription"),
        Index("subscription_audience_subscription", "subscription"),
        sqlite_with_rowid=False,
    )
    Table(
        "delivery",
        metadata,
        Column("subscription", BYTES, nullable=False),
        Column("number", BigInteger, nullable=False, comment="1, 2, 3 ... of each subscription"),
        Column("type", BYTES, nullable=False),
        Column("id", BYTES, nullable=False),
        Column("version", Integer, nullable=False),
        Column("moment", BigInteger, nullable=False),
        Column("gone", Integer, nullable=False, comment="1: the version is a deletion"),
        PrimaryKeyConstraint("subscription", "number"),
        sqlite_with_rowid=False,
    )
    Table(
        "lease",
        metadata,
        Column("name", BYTES, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", BigInteger, nullable=False),
    )
