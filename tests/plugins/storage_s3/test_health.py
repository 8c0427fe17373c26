"""`audimax doctor` tries what we do and what browsers do, and says exactly what to change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Flask

from core.doctor import plugins as doctor
from plugins.storage_s3 import health
from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import S3Storage
from tests.fixtures.s3 import S3Server
from tests.plugins.storage_s3.conftest import StandIn, refusal

ORIGIN = "http://localhost:8000"
CORS = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Allow-Methods": "GET, PUT",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Expose-Headers": "ETag",
}


@pytest.fixture
def bucket(s3_server: S3Server, request: pytest.FixtureRequest) -> str:
    """The name of a bucket of this test alone, without rules; not made yet."""
    return "b" + re.sub(r"[^a-z0-9]", "", request.node.name.lower())[:60]


@pytest.fixture
def examine(make_app: Callable[..., Flask]) -> Callable[..., dict[str, doctor.Finding]]:
    """What the doctor finds with these settings, by the check's name."""

    def examine(settings: dict[str, Any]) -> dict[str, doctor.Finding]:
        app = make_app("storage_s3", plugins={"storage_s3": settings})
        with app.app_context():
            return {finding.check.removeprefix("storage_s3."): finding for finding in doctor.of_plugins()}

    return examine


@pytest.fixture
def browsers(make_app: Callable[..., Flask], stand_in: StandIn) -> Iterator[Callable[[], str]]:
    """What the check for browsers says of the stand-in."""
    app = make_app()
    storage = S3Storage(Settings("lectures", "key", "topsecret", endpoint=stand_in.url))

    def say() -> str:
        with pytest.raises(health.NotWell) as raised:
            health.check_browsers(storage)
        return str(raised.value)

    with app.app_context():
        yield say


def test_all_is_well_where_the_bucket_lets_browsers_send(
    examine: Any, s3_server: S3Server, bucket: str
) -> None:
    s3_server.make_bucket(bucket)
    settings = {**s3_server.settings, "bucket": bucket}
    storage = S3Storage(Settings(**settings))
    storage.add_cors_rule(health.cors_rule(ORIGIN))
    found = examine(settings)
    assert found.keys() == {"bucket", "browsers", "deleting"}
    assert {finding.state for finding in found.values()} == {"good"}, found
    assert list(storage.list("")) == [] and list(storage.unfinished("")) == []


def test_the_rule_that_is_missing_is_printed_and_works(
    examine: Any, s3_server: S3Server, bucket: str
) -> None:
    s3_server.make_bucket(bucket)
    settings = {**s3_server.settings, "bucket": bucket}
    found = examine(settings)
    assert found["bucket"].state == "good"
    said = found["browsers"].said
    assert f"browsers may not send files to 127.0.0.1:{s3_server.port} from {ORIGIN}" in said
    assert f"--endpoint-url {s3_server.url} --bucket {bucket} --cors-configuration '" in said
    rules = json.loads(said.partition("--cors-configuration '")[2].rstrip("'"))["CORSRules"]
    S3Storage(Settings(**settings)).add_cors_rule(rules[0])
    assert examine(settings)["browsers"].state == "good"


def test_a_missing_bucket_is_named(examine: Any, s3_server: S3Server, bucket: str) -> None:
    found = examine({**s3_server.settings, "bucket": bucket})
    assert "has no bucket" in found["bucket"].said and "create_bucket" in found["bucket"].said


def test_bucket_and_rule_are_made_where_that_is_allowed(
    examine: Any, s3_server: S3Server, bucket: str
) -> None:
    settings = {**s3_server.settings, "bucket": bucket, "create_bucket": True}
    for _again in range(2):
        assert {finding.state for finding in examine(settings).values()} == {"good"}
    (rule,) = S3Storage(Settings(**settings))._cors_rules()
    assert rule["AllowedOrigins"] == [ORIGIN]


def test_rules_of_others_stay(examine: Any, s3_server: S3Server, bucket: str) -> None:
    s3_server.make_bucket(bucket)
    settings = {**s3_server.settings, "bucket": bucket, "create_bucket": True}
    storage = S3Storage(Settings(**settings))
    storage.add_cors_rule(health.cors_rule("https://other.uni.example"))
    assert examine(settings)["browsers"].state == "good"
    allowed = [origin for rule in storage._cors_rules() for origin in rule["AllowedOrigins"]]
    assert allowed == ["https://other.uni.example", ORIGIN]


def test_a_wrong_address_for_browsers_is_named(examine: Any, s3_server: S3Server) -> None:
    found = examine({**s3_server.settings, "public_endpoint": "http://127.0.0.1:9"})
    assert found["bucket"].state == "good"
    assert "127.0.0.1:9, where browsers are sent, can't be reached" in found["browsers"].said
    assert "public_endpoint" in found["browsers"].said


def test_a_server_that_is_away_is_named_by_each_check(examine: Any) -> None:
    settings = {"bucket": "lectures", "access_key": "k", "secret_key": "s", "endpoint": "http://127.0.0.1:9"}
    found = examine(settings)
    assert "S3 at http://127.0.0.1:9 can't be reached" in found["bucket"].said
    assert "can't be reached" in found["browsers"].said
    assert "can't be reached" in found["deleting"].said


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({**CORS, "Access-Control-Allow-Origin": "https://other.example"}, f"from {ORIGIN} (CORS)"),
        ({**CORS, "Access-Control-Allow-Methods": "GET"}, "send nothing by PUT"),
        ({**CORS, "Access-Control-Allow-Headers": "range"}, "doesn't take the headers content-type"),
        ({**CORS, "Access-Control-Expose-Headers": "Date"}, "hides the ETag"),
    ],
)
def test_each_gap_in_the_rules_is_named(
    stand_in: StandIn, browsers: Callable[[], str], headers: dict[str, str], words: str
) -> None:
    stand_in.headers = headers
    said = browsers()
    assert words in said and "put-bucket-cors" in said and "topsecret" not in said


def test_a_rule_that_we_may_not_add_is_left_to_an_administrator(
    make_app: Callable[..., Flask], stand_in: StandIn, on_stand_in: Callable[..., S3Storage]
) -> None:
    stand_in.answers = {"cors": (403, refusal("AccessDenied"))}
    with make_app().app_context(), pytest.raises(health.NotWell) as raised:
        health.check_browsers(on_stand_in(create_bucket=True))
    said = str(raised.value)
    assert "we can't add the rule: " in said and "may not do GetBucketCors" in said
    assert "Let an administrator of the S3 server run" in said and "Set create_bucket" not in said


def test_a_server_that_takes_more_than_was_signed_is_refused(
    stand_in: StandIn, browsers: Callable[[], str]
) -> None:
    stand_in.headers = CORS
    assert "takes more bytes than were signed" in browsers()


def test_a_proxy_that_breaks_signatures_is_named(examine: Any, s3_server: S3Server, bucket: str) -> None:
    """The signature covers the host's name: what signs for another name is refused."""
    s3_server.make_bucket(bucket)
    settings = {**s3_server.settings, "bucket": bucket, "create_bucket": True, "path_style": "false"}
    settings["public_endpoint"] = s3_server.url.replace("127.0.0.1", "localhost")
    assert examine(settings)["browsers"].is_bad


@pytest.mark.parametrize(
    ("lifecycle", "is_bad"),
    [
        ((404, refusal("NoSuchLifecycleConfiguration")), True),
        ((200, b"<LifecycleConfiguration><Rule><ID>x</ID></Rule></LifecycleConfiguration>"), True),
        (
            (
                200,
                b"<LifecycleConfiguration><Rule><NoncurrentVersionExpiration><NoncurrentDays>1"
                b"</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>",
            ),
            False,
        ),
        ((403, refusal("AccessDenied")), False),
    ],
)
def test_old_versions_that_stay_for_ever_are_named(
    stand_in: StandIn, on_stand_in: Callable[..., S3Storage], lifecycle: tuple[int, bytes], is_bad: bool
) -> None:
    versioned = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    stand_in.answers = {"versioning": (200, versioned), "lifecycle": lifecycle}
    with pytest.raises(health.NotWell, match="NoncurrentVersionExpiration") if is_bad else nullcontext():
        health.check_deleting(on_stand_in())
