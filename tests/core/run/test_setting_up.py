"""`audimax setup`."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.cli import main
from core.run import setting_up
from core.run.setting_up import SECRETS, SetUpRefused
from tests.deploy.composed import DEPLOY, PLANS, dotenv

GIVEN = ["--domain", "hall.uni.example", "--email", "it@uni.example", "--node-ip", "203.0.113.7"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").touch()
    return tmp_path


def run(folder: Path, *argv: str, answers: str = "") -> Result:
    return CliRunner().invoke(main, ["setup", "--into", str(folder), *argv], input=answers)


def test_it_writes_one_file_for_its_owner_alone_and_says_what_comes_next(folder: Path) -> None:
    done = run(folder, *GIVEN)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == [".env", "compose.yaml"]
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    for words in ("turn.hall.uni.example", "203.0.113.7", "up -d --build", "set-up-link", "doctor"):
        assert words in done.output
    said = dotenv((folder / ".env").read_text())
    assert said["AUDIMAX_PUBLIC_URL"] == "https://hall.uni.example"
    assert said["AUDIMAX_LIVEKIT_URL"] == "wss://hall.uni.example"


def test_no_secret_is_shown(folder: Path) -> None:
    done = run(folder, *GIVEN)
    said = dotenv((folder / ".env").read_text())
    assert not [name for name in SECRETS if said[name] in done.output]


def test_a_file_that_is_there_stays_as_it_is(folder: Path) -> None:
    run(folder, *GIVEN)
    before = (folder / ".env").read_text()
    again = run(folder, *GIVEN)
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert "Traceback" not in again.output
    assert (folder / ".env").read_text() == before


def test_a_link_that_somebody_has_put_there_is_not_followed(folder: Path) -> None:
    (folder / ".env").symlink_to(folder / "elsewhere")
    assert run(folder, *GIVEN).exit_code == 1
    assert not (folder / "elsewhere").exists()


def test_what_is_left_out_is_asked_for_until_it_fits(folder: Path) -> None:
    answers = "https://hall.uni.example\nhall.uni.example\nit\nit@uni.example\n"
    done = run(folder, "--node-ip", "203.0.113.7", answers=answers)
    assert done.exit_code == 0, done.output
    assert "without https://" in done.output
    assert "is no mail address" in done.output
    assert dotenv((folder / ".env").read_text())["EMAIL"] == "it@uni.example"


@pytest.mark.parametrize(
    "domain",
    ["", "localhost", "https://uni.example", "uni.example/x", "uni..example", "-a.example", "a b.example",
     "203.0.113.7", "a" * 64 + ".example", ".".join(["a" * 60] * 5), "uni.example:8000", "x'.example", "*.uni.example"],
)  # fmt: skip
def test_what_is_no_domain_is_refused_and_nothing_is_written(folder: Path, domain: str) -> None:
    done = run(folder, "--domain", domain, "--email", "it@uni.example", "--node-ip", "203.0.113.7")
    assert done.exit_code == 1
    assert "is no domain" in done.output
    assert not (folder / ".env").exists()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Hall.Uni.Example.", "hall.uni.example"),
        ("hörsaal.example", "xn--hrsaal-wxa.example"),
        (" a.b.c ", "a.b.c"),
    ],
)
def test_a_domain_is_written_as_browsers_send_it(given: str, name: str) -> None:
    assert setting_up.checked_domain(given) == name


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--email", "it"], "is no mail address"),
        (["--node-ip", "2001:db8::1"], "is no IPv4 address"),
        (["--node-ip", "203.0.113"], "is no IPv4 address"),
        (["--mail-url", "mail.uni.example"], "must be like smtp://"),
        (["--mail-url", "smtp://a:p'w@mail.uni.example"], "must be like smtp://"),
    ],
)
def test_other_mistakes_are_named_with_what_to_write(folder: Path, more: list[str], words: str) -> None:
    done = run(folder, *GIVEN, *more)
    assert done.exit_code == 1
    assert words in done.output
    assert not (folder / ".env").exists()


def test_a_name_without_an_address_asks_for_the_address(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody_knows(*_asked: object) -> None:
        raise OSError("not known")

    monkeypatch.setattr(setting_up.socket, "getaddrinfo", nobody_knows)
    done = run(folder, *GIVEN[:4])
    assert done.exit_code == 1
    assert "--node-ip" in done.output


def test_the_address_of_the_name_is_taken_where_none_is_given(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", ("198.51.100.4", 0))]
    monkeypatch.setattr(setting_up.socket, "getaddrinfo", lambda *_asked: found)
    assert run(folder, *GIVEN[:4]).exit_code == 0
    assert dotenv((folder / ".env").read_text())["NODE_IP"] == "198.51.100.4"


def test_on_this_machine_alone_no_domain_is_needed(folder: Path) -> None:
    done = run(folder, "--profile", "local", "--email", "it@uni.example")
    assert done.exit_code == 0, done.output
    said = dotenv((folder / ".env").read_text())
    assert said["COMPOSE_PROFILES"] == "local"
    assert said["AUDIMAX_PUBLIC_URL"] == "http://localhost:8000"
    assert "DNS" not in done.output


def test_a_folder_without_the_compose_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetUpRefused, match="--into"):
        setting_up.write(PLANS["production"], tmp_path)


def test_every_secret_is_fresh_long_and_fits_where_it_goes() -> None:
    one, other = (dotenv(setting_up.text(PLANS["production"])) for _ in range(2))
    values = [one[name] for name in SECRETS]
    assert len(set(values)) == len(SECRETS)
    for name in SECRETS:
        assert one[name] != other[name]
        assert len(one[name]) >= 32
        assert re.fullmatch(r"[\w-]+", one[name])
    for name in (
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "MINIO_ROOT_PASSWORD",
        "AUDIMAX_PLUGINS__STORAGE_S3__SECRET_KEY",
    ):
        assert re.fullmatch(r"[0-9a-f]{40}", one[name])


def test_whatever_compose_calls_a_secret_is_made_here() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    named = set(re.findall(r"\$\{(\w*(?:SECRET|PASSWORD|TOKEN|LIVEKIT_KEY)\w*)", text))
    assert named == set(SECRETS)


def test_everything_that_compose_asks_for_is_in_the_file() -> None:
    said = dotenv(setting_up.text(PLANS["production"]))
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    # The version of our images is that of the checkout.
    assert asked - set(said) == {"VERSION"}
