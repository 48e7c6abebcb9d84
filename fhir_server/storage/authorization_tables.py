"""The tables of what the authorization server remembers (``storage/authorization``)."""

from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, text

from fhir_server.storage.columns import BYTES


def add(metadata: MetaData) -> None:
    """Add them to ``metadata``."""
    _given_out(metadata)
    _logged_in(metadata)


def _given_out(metadata: MetaData) -> None:
    Table(
        "oauth_code",
        metadata,
        Column("hash", BYTES, nullable=False),
        Column("family", Text, nullable=False),
        Column("client", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("session", BYTES, nullable=False),
        Column("authenticated", BigInteger, nullable=False),
        Column("redirect_uri", Text, nullable=False),
        Column("challenge", Text, nullable=False),
        Column("expires", BigInteger, nullable=False),
        Column("used", BigInteger, nullable=False, comment="when it was taken, 0: not yet"),
        Column("granted", Text, nullable=False),
        PrimaryKeyConstraint("hash"),
        Index("oauth_code_session", "session"),
    )
    Table(
        "oauth_refresh",
        metadata,
        Column("hash", BYTES, nullable=False),
        Column("family", Text, nullable=False),
        Column("client", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("session", BYTES, nullable=False),
        Column("authenticated", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False),
        Column("ends", BigInteger, nullable=False),
        Column("used", BigInteger, nullable=False, comment="when it was rotated, 0: not yet"),
        Column("bound", Text, nullable=False),
        Column("granted", Text, nullable=False),
        PrimaryKeyConstraint("hash"),
        Index("oauth_refresh_session", "session"),
        Index("oauth_refresh_live", "subject", sqlite_where=text("used = 0"), postgresql_where=text("used = 0")),
    )


def _logged_in(metadata: MetaData) -> None:
    Table(
        "oauth_session",
        metadata,
        Column("hash", BYTES, nullable=False),
        Column("id", Text, nullable=False),
        Column("subject", BYTES, nullable=False),
        Column("role", Text, nullable=False),
        Column("authenticated", BigInteger, nullable=False),
        Column("idle", BigInteger, nullable=False),
        Column("ends", BigInteger, nullable=False),
        Column("csrf", Text, nullable=False),
        Column("organisation", Text, nullable=False),
        PrimaryKeyConstraint("hash"),
        Index("oauth_session_subject", "subject"),
    )
    Table(
        "oauth_consent",
        metadata,
        Column("subject", BYTES, nullable=False),
        Column("client", BYTES, nullable=False),
        Column("patient", BYTES, nullable=False),
        Column("scope", Text, nullable=False),
        Column("given", BigInteger, nullable=False),
        PrimaryKeyConstraint("subject", "client", "patient"),
    )
    Table(
        "oauth_used",
        metadata,
        Column("value", BYTES, nullable=False),
        Column("expires", BigInteger, nullable=False),
        PrimaryKeyConstraint("value"),
    )
    Table(
        "oauth_revocation",
        metadata,
        Column("kind", BYTES, nullable=False),
        Column("value", BYTES, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        PrimaryKeyConstraint("kind", "value"),
        Index("oauth_revocation_since", "since"),
    )
