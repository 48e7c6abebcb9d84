"""Columns as migrations write them; what the application uses may change, these stay."""

import sqlalchemy as sa

ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")
BYTES = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def number(name: str, comment: str | None = None) -> sa.Column[int]:
    """Return a column of whole numbers of 64 bits."""
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment)


def text(name: str) -> sa.Column[str]:
    """Return a column of texts."""
    return sa.Column(name, sa.Text, nullable=False)


def bytes_(name: str, comment: str | None = None) -> sa.Column[str]:
    """Return a column of texts that are compared byte by byte."""
    return sa.Column(name, BYTES, nullable=False, comment=comment)
