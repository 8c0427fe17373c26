"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io

from core.contracts import Table

# What spreadsheets take for a formula or the beginning of one (OWASP, "CSV Injection"); in full width too.
FORMULA = (*"=+-@＝＋－＠", "\t", "\r", "\n")


def to_csv(table: Table) -> str:
    """A table as CSV, with the mark by which Excel knows UTF-8; no cell is a formula."""
    made = io.StringIO()
    writer = csv.writer(made)
    for row in (table.columns, *table.rows):
        writer.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in map(str, row)])
    return "\ufeff" + made.getvalue()
