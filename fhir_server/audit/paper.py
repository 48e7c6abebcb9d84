"""The access log as a page to print and as a table for a spreadsheet. Whatever a name contains, it stays text in both."""

import csv
from collections.abc import Sequence
from html import escape
from io import StringIO
from typing import Final

from fhir_server.audit.access_log import Entry, Words
from fhir_server.audit.texts import Texts

_COLUMNS: Final = (
    *("date", "first", "last", "count", "who", "role", "organisation", "action", "data", "purpose", "basis"),
    *("emergency", "reason", "outcome", "sources"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_STYLE: Final = (
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}"
    "@page{size:A4 landscape;margin:1cm}"
    "@media print{body{margin:0;font-size:8pt}thead{display:table-header-group}tr{break-inside:avoid}a{display:none}}"
)


def page(entries: Sequence[Entry], texts: Texts, words: Words, following: str = "") -> str:
    """Return the log as one HTML page, with a link to what comes next, at the URL ``following``, if there is any."""
    title = escape(texts.of("words", "title"))
    head = "".join(f'<th scope="col">{escape(texts.of("words", name))}</th>' for name in _COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(each, texts, words))}</tr>" for each in entries)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    body = table if entries else f"<p>{escape(texts.of('words', 'none'))}</p>"
    link = f'<p><a rel="next" href="{escape(following)}">{escape(texts.of("words", "next"))}</a></p>' if following else ""
    return (
        f'<!DOCTYPE html><html lang="{texts.language}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{body}{link}</body></html>\n"
    )


def table(entries: Sequence[Entry], texts: Texts, words: Words) -> str:
    """Return the log as CSV (RFC 4180), headed; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([texts.of("words", name) for name in _COLUMNS])
    writer.writerows([_harmless(cell) for cell in _cells(each, texts, words)] for each in entries)
    return text.getvalue()


def _cells(entry: Entry, texts: Texts, words: Words) -> list[str]:
    told = {
        **entry._asdict(),
        "count": entry.times,
        "first": f"{words.local(entry.first):%H:%M}",
        "last": f"{words.local(entry.last):%H:%M}",
        "emergency": texts.of("words", "yes" if entry.emergency else "no"),
    }
    return [str(told[name]) for name in _COLUMNS]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
