"""The types of columns that are not the same on both engines."""

from sqlalchemy import BigInteger, Integer, Text

ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY is SQLite's own row number
BYTES = Text().with_variant(Text(collation="C"), "postgresql")  # compared byte by byte, as SQLite does
