"""This machine: the instance folder, its disk, open files, and how old the last backup is."""

from __future__ import annotations

import os
import resource
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from core.backup import age
from core.config import Config
from core.doctor import growth
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient

LEAST_SPACE = 1_000_000_000
LEAST_INODES = 10_000
FULL_IN_DAYS = 30
CHECKS: Mapping[str, str] = {
    "instance": "the instance folder is there, takes files, and nobody else reads its secrets",
    "disk": "free space there and below `files`, and in how many days it is full at the last weeks' pace",
    "inodes": "how many more files the disk takes",
    "open files": "the limit is enough for `streams_per_worker`",
    "backup": "in production: the last whole one isn't older than `backup_days`, and none broke off since",
}


def look(patient: Patient) -> Iterator[Finding]:
    folder = patient.config.instance
    yield _folder(folder)
    yield from _disks(folder)
    yield _open_files(patient.config)
    if patient.is_in_earnest and patient.config.backup_days:
        yield _backups(patient.config)


def _folder(folder: Path) -> Finding:
    if not folder.is_dir():
        return bad(
            "instance",
            f"{folder} doesn't exist",
            f"make it, for the user that runs Audimax: mkdir -m 700 {folder}",
        )
    if problem := _takes_no_file(folder):
        remedy = f"give it to the user that runs Audimax (chown), and mount its disk writable: {folder}"
        return bad("instance", f"{folder} takes no files: {problem}", remedy)
    wide = [str(p) for p in _private_files(folder) if p.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if wide:
        return bad("instance", f"others can read {', '.join(wide)}", f"chmod go= {' '.join(wide)}")
    return good("instance", f"{folder}, for us alone")


def _takes_no_file(folder: Path) -> str:
    """Why nothing can be written there: root passes every check of rights, and no disk that is full."""
    probe = folder / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"x" * 4096)
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return ""


def _private_files(folder: Path) -> list[Path]:
    lan = ("lan/authority.pem", "lan/server.pem")
    names = ("secrets.json", "environment.json", "postgres.password", "livekit/livekit.yaml", *lan)
    return [folder, *(p for name in names if (p := folder / name).exists())]


# --- the disk -------------------------------------------------------------------------


def _disks(folder: Path) -> Iterator[Finding]:
    """Each disk once: files may lie on one of their own."""
    seen: set[int] = set()
    for place in (_there(folder), _there(folder / "files")):
        disk = place.stat().st_dev
        if disk not in seen:
            seen.add(disk)
            yield _space(place)
            yield _inodes(place)


def _there(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free at {folder}"
    if free < LEAST_SPACE:
        return bad("disk", said, "make room: PostgreSQL, uploads and backups stop when the disk is full")
    days = growth.days_left(folder, free)
    if days is not None and days < FULL_IN_DAYS:
        remedy = "make room, end what is kept longer than needed (keep_…_days), or move files to S3"
        return warning("disk", f"{said}; at the pace of the last days it is full in {days:.0f} days", remedy)
    return good("disk", said)


def _inodes(folder: Path) -> Finding:
    found = os.statvfs(folder)
    # Some file systems have as many as one likes, and say 0.
    if found.f_files and found.f_favail < LEAST_INODES:
        remedy = "remove small files that nobody needs, or make the file system anew with more inodes"
        return bad("inodes", f"the disk of {folder} takes {found.f_favail} more files", remedy)
    return good("inodes", f"the disk of {folder} takes files enough")


def _open_files(config: Config) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = config.streams_per_worker * 2 + 1000
    if limit not in (resource.RLIM_INFINITY,) and limit < needed:
        remedy = f"raise the hard limit of open files to {needed} (LimitNOFILE), or lower streams_per_worker"
        return warning("open files", f"at most {limit} for each process", remedy)
    return good("open files", "as many as streams_per_worker needs")


# --- backups --------------------------------------------------------------------------


def _backups(config: Config) -> Finding:
    last, often = age.last(config.instance), "let `audimax backup` run every night (docs/operations.md)"
    if not last.whole_at:
        said = "the first one broke off" if last.begun_at else "none was made by `audimax backup` from here"
        return warning("backup", said, f"{often}, or set backup_days = 0 where backups are made otherwise")
    days, said = last.age_in_days(), f"the last whole one is {last.age_in_days():.1f} days old ({last.where})"
    if last.broke_off:
        return warning("backup", f"the last one broke off; {said}", "go on with `audimax backup --resume`")
    if days > config.backup_days:
        return warning("backup", said, often)
    return good("backup", said)
