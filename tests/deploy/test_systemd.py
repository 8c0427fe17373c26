"""The units for machines without containers."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from core.cli import main
from tests.deploy.composed import DEPLOY
from tests.fixtures.product import ROOT
from tests.setup import services

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# What has an end, and is started by a timer.
ONCE = {"audimax-backup"}
HARDENED = {
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "RestrictSUIDSGID": "yes", "UMask": "0077",
}  # fmt: skip


def settings(path: Path) -> dict[str, list[str]]:
    """What a unit says; a name may stand several times."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, mark, value = line.partition("=")
            assert mark, f"{path.name}: {line}"
            found.setdefault(name, []).append(value)
    return found


def test_there_is_one_for_each_program() -> None:
    names = {path.stem for path in UNITS}
    assert names == {
        "audimax-web",
        "audimax-gate",
        "audimax-jobs",
        "audimax-assistant",
        "audimax-recorder",
        "audimax-backup",
        "livekit",
    }


def test_a_backup_is_made_every_night_and_has_an_end() -> None:
    timer = settings(DEPLOY / "systemd" / "audimax-backup.timer")
    assert timer["OnCalendar"] == ["*-*-* 03:20:00"] and timer["Persistent"] == ["yes"]
    said = settings(DEPLOY / "systemd" / "audimax-backup.service")
    assert said["Type"] == ["oneshot"] and "Restart" not in said
    (command,) = said["ExecStart"]
    options = {option for one in main.commands["backup"].params for option in one.opts}
    assert {word for word in command.split() if word.startswith("--")} <= options


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_gives_up_what_its_program_doesnt_need(path: Path) -> None:
    said = settings(path)
    assert {name: said.get(name) for name in HARDENED} == {name: [value] for name, value in HARDENED.items()}
    assert said["User"] == [path.stem.split("-")[0]]
    assert int(said["LimitNOFILE"][0]) >= 65536
    assert said.get("Restart", said["Type"]) == (["oneshot"] if path.stem in ONCE else ["always"])
    assert said["EnvironmentFile"][0].startswith("/etc/audimax/")
    assert not re.search(r"(SECRET|PASSWORD)", path.read_text("utf-8"))
    if path.stem != "livekit":
        assert said["StateDirectory"] == ["audimax"]
        assert "AUDIMAX_INSTANCE_DIR=/var/lib/audimax" in said["Environment"][0]


def test_the_example_for_pgbouncer_pools_as_the_composed_one_does() -> None:
    example = ConfigParser(interpolation=None)
    example.read(DEPLOY / "systemd" / "pgbouncer.ini.example", "utf-8")
    says, told = example["pgbouncer"], composed_pool()
    of_places = {"listen_addr", "listen_port", "auth_file"}
    assert {name: says[name] for name in says if name not in of_places} == told
    assert set(services.pooling()) <= {f"{name} = {value}" for name, value in says.items()}
    # The addresses are those of the example for our programs: pgbouncer's, and past it the database's.
    ours = (DEPLOY / "systemd" / "audimax.env.example").read_text("utf-8")
    urls = dict(re.findall(r"^#?(AUDIMAX_DATABASE\w*_URL)=.*@([\w.:]+)/audimax$", ours, re.M))
    assert urls["AUDIMAX_DATABASE_URL"] == f"{says['listen_addr']}:{says['listen_port']}"
    database = dict(one.split("=") for one in example["databases"]["audimax"].split())
    assert urls["AUDIMAX_DATABASE_DIRECT_URL"] == f"{database['host']}:{database['port']}"


def composed_pool() -> dict[str, str]:
    """What `deploy/compose.yaml` tells pgbouncer, beside where the database is and who asks for it."""
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["pgbouncer"][
        "environment"
    ]
    return {name.lower(): value for name, value in told.items() if not name.startswith("DB_")}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_what_a_unit_starts_is_there(path: Path) -> None:
    started = settings(path)
    for line in started["ExecStart"] + started.get("ExecStartPre", []):
        program, *words = line.split()
        if program.endswith("/audimax"):
            assert words[0] in main.commands
        elif words[:1] == ["-m"]:
            module = ROOT.joinpath(*words[1].split("."))
            assert module.with_suffix(".py").exists() or (module / "__main__.py").exists()
        else:
            assert program.rsplit("/", 1)[1] in ("gunicorn", "livekit-server")


@pytest.mark.optional
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for path in UNITS:
        text = path.read_text("utf-8").replace("/opt/audimax", str(ROOT))
        # The programs of a unit have to be there.
        text = text.replace("/usr/local/bin/livekit-server", "/bin/true")
        (tmp_path / path.name).write_text(text)
    argv = ["systemd-analyze", "verify", *(str(tmp_path / path.name) for path in UNITS)]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    assert str(tmp_path) not in said.stderr, said.stderr
