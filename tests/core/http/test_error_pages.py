"""Error pages: in words, with a way on, never a traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import Refusal
from core.http.problems import words


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Core with routes that fail in every way."""
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/fails/<int:status>")
    def fails(status: int) -> str:
        raise Refusal(status, words(status))

    @app.get("/fails/badly")
    def fails_badly() -> str:
        raise RuntimeError("the secret is 42")

    @app.get("/fails/for-want-of-a-database")
    def fails_for_want_of_a_database() -> str:
        raise OperationalError("SELECT secret", {}, Exception("gone"))

    @app.get("/fails/for-want-of-a-connection")
    def fails_for_want_of_a_connection() -> str:
        raise PoolTimeout("QueuePool limit of size 10, the secret")

    return app


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503])
def test_every_error_has_a_page_that_says_what_to_do(client: FlaskClient, status: int) -> None:
    answer = client.get(f"/fails/{status}")
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert 'href="/"' in answer.text
    assert f"Error {status}" in answer.text


@pytest.mark.parametrize(
    ("path", "status"), [("badly", 500), ("for-want-of-a-database", 503), ("for-want-of-a-connection", 503)]
)
def test_what_went_wrong_inside_stays_inside(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(f"/fails/{path}")
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "Try again" in answer.text


def test_a_page_for_another_method_says_so(client: FlaskClient) -> None:
    answer = client.delete("/sign-in")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_too_much_is_refused_in_words(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"email": "x" * 2_000_000})
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_who_is_signed_in_stays_so_on_an_error_page(app: Flask, make_user: Callable[..., int],
                                                    sign_in: Callable[..., FlaskClient]) -> None:  # fmt: skip
    page = sign_in(make_user(name="Ada Lovelace")).get("/nothing").text
    assert "Ada Lovelace" in page
    assert 'action="/sign-out"' in page


def test_the_broken_database_is_not_asked_for_the_error_page(
    app: Flask, make_user: Callable[..., int], sign_in: Callable[..., FlaskClient]
) -> None:
    page = sign_in(make_user(name="Ada Lovelace")).get("/fails/for-want-of-a-database").text
    assert "Ada Lovelace" not in page
