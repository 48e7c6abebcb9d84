"""The tables of the record: the journal, what holds it fast, and the tables by which it is searched (``storage/journal``)."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text

from fhir_server.storage.columns import BYTES, ROW


def add(metadata: MetaData) -> None:
    """Add them to ``metadata``."""
    _journal(metadata)
    _searched(metadata)


def _journal(metadata: MetaData) -> None:
    Table(
        "audit_chain",
        metadata,
        Column("chain", BYTES, primary_key=True),
        Column("projected", BigInteger, nullable=False, comment="the last block that audit_event holds"),
        Column("anchored", BigInteger, nullable=False, comment="the last block that an anchor names"),
    )
    Table(
        "audit_block",
        metadata,
        Column("chain", BYTES, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("lines", LargeBinary, nullable=False),
        Column("written", BigInteger, nullable=False),
        PrimaryKeyConstraint("chain", "number"),
        sqlite_with_rowid=False,
    )
    Table(
        "audit_anchor",
        metadata,
        Column("number", ROW, primary_key=True),
        Column("made", BigInteger, nullable=False),
        Column("signed", Text, nullable=False),
    )
    Table(
        "audit_secret",
        metadata,
        Column("dossier", BYTES, primary_key=True),
        Column("wrapped", LargeBinary, nullable=False),
    )


def _searched(metadata: MetaData) -> None:
    Table(
        "audit_event",
        metadata,
        Column("row", ROW, primary_key=True),
        Column("chain", BYTES, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("recorded", BigInteger, nullable=False),
        Column("actor", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("interaction", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("type", Text, nullable=False),
        Column("id", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("dossier", Text, nullable=False),
        Column("query", Text, nullable=False),
        Column("purpose", Text, nullable=False),
        Column("request", Text, nullable=False),
        Column("organisation", Text, nullable=False),
        Column("client", Text, nullable=False),
        Column("basis", Text, nullable=False),
        Column("trace", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("category", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Index("audit_event_chain", "chain", "seq", unique=True),
        Index("audit_event_actor", "actor", "recorded"),
        Index("audit_event_recorded", "recorded"),
        sqlite_autoincrement=True,
    )
    Table(
        "touched",
        metadata,
        Column("dossier", BYTES, nullable=False),
        Column("recorded", BigInteger, nullable=False),
        Column("row", BigInteger, nullable=False, comment="of audit_event"),
        PrimaryKeyConstraint("dossier", "recorded", "row"),
        comment="the lines of the record by the dossiers that they name; the database itself keeps it in step (storage/touched)",
        sqlite_with_rowid=False,
    )
