"""Whether the other end of a line is still there, seen without writing."""

from __future__ import annotations

import socket

from core.http.lines import Line


def test_a_closed_line_is_seen_at_once_and_what_was_sent_stays_readable() -> None:
    ours, theirs = socket.socketpair()
    line = Line({"gunicorn.socket": ours})
    assert line and not line.is_cut()
    theirs.send(b"more")
    assert not line.is_cut() and ours.recv(4) == b"more"
    theirs.close()
    assert line.is_cut()
    ours.close()
    assert line.is_cut()


def test_a_server_that_shows_no_line_is_believed_to_have_one() -> None:
    line = Line({})
    line.dies_soon_unheard()
    assert not line and not line.is_cut()


def test_a_dead_line_is_given_up_by_the_system() -> None:
    with socket.socket() as ours:
        Line({"gunicorn.socket": ours}).dies_soon_unheard()
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
