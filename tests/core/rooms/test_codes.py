from __future__ import annotations

import math

import pytest

from core.rooms import codes


def test_a_code_is_nine_letters_without_look_alikes():
    made = codes.new_code()
    assert [len(part) for part in made.split("-")] == [3, 4, 2]
    assert not set(made) & set("ilov0123456789")


def test_a_code_has_forty_random_bits():
    assert codes.LENGTH * math.log2(len(codes.ALPHABET)) >= 40
    assert len({codes.new_code() for _ in range(2000)}) == 2000


@pytest.mark.parametrize(
    "typed",
    [
        "kxf-pmua-wz",
        "KXF-PMUA-WZ",
        " kxf pmua wz ",
        "kxfpmuawz",
        "kxf–pmua—wz",
        "k.x.f/p.m.u.a/w.z",
        "kxf-pmva-w2",
        "ｋｘｆ－ｐｍｕａ－ｗｚ",
        "кхf-рmuа-wz",
        "http://localhost:8000/r/kxf-pmua-wz?x=1#pin=1",
        "HTTPS://UNI.EXAMPLE/R/KXF-PMUA-WZ",
    ],
)
def test_a_code_is_found_however_it_is_typed(typed):
    assert codes.read(typed) == "kxf-pmua-wz"


@pytest.mark.parametrize(
    "typed", ["", "kxf", "kxf-pmua-wzz", "kxf-pmua-w1", "kxf-pmua-wß", "x" * 10_000, "'; --", "\0"]
)
def test_what_is_no_code_is_not_looked_up(typed):
    assert codes.read(typed) is None
