"""Who did what to whom: found, page by page, and taken along as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import audit as writing
from core.db import db, now
from core.logs.audit import COLUMNS, Wanted, actions, as_csv, page
from core.models import AuditEntry
from core.people.models import User


@pytest.fixture
def school(app: Flask, context: None, make_user: Any, make_room: Any) -> dict[str, Any]:
    """Ada and Grace, a room, and what they did."""
    ada = db.session.get(User, make_user("ada@uni.example", name="Ada Lovelace"))
    grace = db.session.get(User, make_user("grace@uni.example", name="Grace Hopper"))
    key, public_id, _code = make_room(ada.id, "Algorithms")
    writing.record("room.create", actor=ada, room_id=key, target="Algorithms")
    writing.record("room.edit", actor=ada, room_id=key, target="Algorithms", changed=["title"])
    writing.record("moderation.ban", actor=grace, room_id=key, target="Mallory 100%", reason="noise")
    writing.record("user.first_admin", actor_name="the installer", target="ada@uni.example")
    db.session.commit()
    return {"ada": ada, "grace": grace, "room": public_id, "key": key}


def found(**wanted: Any) -> list[str]:
    return [deed.action for deed in page(Wanted(**wanted)).deeds]


def test_it_is_newest_first_with_names_of_today(school: dict[str, Any]) -> None:
    school["grace"].name = "Admiral Hopper"
    db.session.commit()
    deeds = page(Wanted()).deeds
    assert [deed.action for deed in deeds] == [
        "user.first_admin",
        "moderation.ban",
        "room.edit",
        "room.create",
    ]
    assert (deeds[1].who, deeds[1].target, deeds[1].room, deeds[1].room_id) == (
        "Admiral Hopper", "Mallory 100%", "Algorithms", school["room"],
    )  # fmt: skip
    assert deeds[1].details == {"reason": "noise"} and deeds[0].who == "the installer"


@pytest.mark.parametrize(
    ("wanted", "actions"),
    [
        ({"who": "lovelace"}, ["room.edit", "room.create"]),
        ({"who": "Grace@uni.example"}, ["moderation.ban"]),
        ({"who": "nobody@uni.example"}, []),
        ({"action": "room.edit"}, ["room.edit"]),
        ({"action": "room."}, ["room.edit", "room.create"]),
        ({"action": "room"}, []),
        ({"text": "100%"}, ["moderation.ban"]),
        ({"text": "1_0"}, []),
        ({"text": "mallory", "who": "hopper", "action": "moderation."}, ["moderation.ban"]),
        ({"room": "no-such-room"}, []),
        ({"before": "nonsense"}, ["user.first_admin", "moderation.ban", "room.edit", "room.create"]),
    ],
)
def test_it_is_filtered(school: dict[str, Any], wanted: dict[str, str], actions: list[str]) -> None:
    assert found(**wanted) == actions


def test_it_is_filtered_by_room_and_time(school: dict[str, Any]) -> None:
    assert found(room=school["room"]) == ["moderation.ban", "room.edit", "room.create"]
    db.session.execute(
        sa.update(AuditEntry).where(AuditEntry.action == "room.create").values(at=now() - timedelta(days=3))
    )
    db.session.commit()
    yesterday = now() - timedelta(days=1)
    assert "room.create" not in found(since=yesterday) and found(until=yesterday) == ["room.create"]
    assert found(since=now() - timedelta(days=4), until=yesterday) == ["room.create"]


def test_what_was_done_in_a_deleted_room_stays(school: dict[str, Any]) -> None:
    db.session.execute(sa.text("DELETE FROM room"))
    db.session.commit()
    assert [deed.room for deed in page(Wanted()).deeds] == ["", "", "", ""]


def test_all_actions_are_named_once_for_a_choice(school: dict[str, Any]) -> None:
    assert actions() == ["moderation.ban", "room.create", "room.edit", "user.first_admin"]
    db.session.execute(sa.delete(AuditEntry))
    assert actions() == []


def rows(wanted: Wanted) -> list[list[str]]:
    text = "".join(as_csv(wanted))
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_it_is_taken_along_as_a_table_in_which_nothing_is_a_formula(school: dict[str, Any]) -> None:
    writing.record("room.edit", actor_name="=cmd|' /C calc'!A0", target="+1\n2", reason="a,b")
    db.session.commit()
    made = rows(Wanted())
    assert made[0] == list(COLUMNS) and len(made) == 6
    assert made[1][1:4] == ["'=cmd|' /C calc'!A0", "room.edit", "'+1\n2"]
    assert json.loads(made[1][6]) == {"reason": "a,b"}
    assert [row[2] for row in rows(Wanted(who="hopper"))[1:]] == ["moderation.ban"]


MANY = 100_000


@pytest.fixture
def many(school: dict[str, Any]) -> dict[str, Any]:
    """A hundred thousand deeds of a year."""
    db.session.execute(
        sa.text(
            "INSERT INTO audit_log (at, action, actor_id, actor_name, room_id, target, details) "
            "SELECT now() - n * interval '5 minutes', 'lecture.' || (n % 20), :ada, 'Ada Lovelace', :room, "
            "'target ' || n, '{}' FROM generate_series(1, :many) n"
        ),
        {"ada": school["ada"].id, "room": school["key"], "many": MANY},
    )
    db.session.commit()
    db.session.execute(sa.text("ANALYZE audit_log"))
    db.session.commit()
    return school


def plan(query: Any) -> str:
    text = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    return "\n".join(db.session.scalars(sa.text(f"EXPLAIN {str(text).replace(':', chr(92) + ':')}")))


def test_every_page_of_a_hundred_thousand_is_one_query_by_an_index(
    many: dict[str, Any], queries: Callable[..., Any]
) -> None:
    from core.logs import audit

    middle = page(Wanted(until=now() - timedelta(days=100)), size=1).older
    for wanted in (
        Wanted(),
        Wanted(before=middle),
        Wanted(action="lecture.7"),
        Wanted(action="lecture.7", before=middle),
        Wanted(room=many["room"]),
        Wanted(who="ada@uni.example"),
        Wanted(since=now() - timedelta(days=200), until=now() - timedelta(days=190)),
    ):
        with queries(at_most=1):
            made = page(wanted)
        assert len(made.deeds) == 50 and made.older
        place = audit.NEWEST_FIRST._asked({"after": wanted.before})
        shown = plan(audit.NEWEST_FIRST._from(audit._query(wanted), *place).limit(51))
        assert "ix_audit_log_" in shown and "Seq Scan on audit_log" not in shown, shown
    with queries(at_most=1):
        assert len(actions()) == 24


def test_a_table_of_a_hundred_thousand_comes_in_pieces(many: dict[str, Any]) -> None:
    pieces = as_csv(Wanted(action="lecture.7"))
    assert len(next(pieces)) < 100
    lines = 0
    for piece in pieces:
        assert len(piece) < 1_000_000
        lines += piece.count("\r\n")
    assert lines == MANY // 20
