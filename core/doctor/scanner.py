"""The virus scanner: there, and able to look at the largest file that is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.doctor.findings import Finding, bad, good
from core.doctor.looking import Patient
from core.errors import ScannerDown
from core.files import scanning

CHECKS: Mapping[str, str] = {
    "virus scanner": "`virus_scanner` answers and finds the test virus in a file of `largest_file_mb`",
}


def look(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    if not config.virus_scanner:
        return
    size = config.largest_file_mb
    try:
        version = scanning.ping(config.virus_scanner)
        sees_all = scanning.sees_all(config.virus_scanner, size * 1024 * 1024)
    except ScannerDown as error:
        yield bad("virus scanner", error.problem, error.remedy)
        return
    if sees_all:
        yield good("virus scanner", f"{version} finds the test virus in a file of {size} MB")
        return
    remedy = f"{scanning.REMEDY} to {size}M or more, or lower largest_file_mb; set `AlertExceedsMax yes`"
    yield bad("virus scanner", f"{version} doesn't find the test virus in a file of {size} MB", remedy)
