"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from core.contracts import Table

# What spreadsheets take for a formula or the beginning of one (OWASP, "CSV Injection"); in full width too.
FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")
# By it Excel knows UTF-8.
BEGINNING = "\ufeff"


def to_csv(table: Table) -> str:
    """A table as CSV, with the mark by which Excel knows UTF-8; no cell is a formula."""
    return BEGINNING + csv_rows((table.columns, *table.rows))


def csv_rows(rows: Iterable[Sequence[object]]) -> str:
    """Rows of a CSV file that begins with ``BEGINNING``; no cell is a formula."""
    made = io.StringIO()
    writer = csv.writer(made)
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in map(str, row)])
    return made.getvalue()
