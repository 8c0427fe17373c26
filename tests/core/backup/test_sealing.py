"""What is sealed opens as it was, or not at all."""

from __future__ import annotations

import io
import sys

import pytest

from core.backup import sealing
from core.backup.refusals import BackupError
from core.backup.sealing import PIECE, SALT, TAG, Box, box_of, new_box, sealed_size

SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5]


@pytest.fixture(scope="module")
def box() -> Box:
    return new_box("correct horse battery staple")


def sealed(box: Box, content: bytes, name: str = "a") -> bytes:
    return b"".join(box.seal(name, [content[: len(content) // 3], content[len(content) // 3 :]]))


def opened(box: Box, content: bytes, name: str = "a") -> bytes:
    return box.open(name, io.BytesIO(content)).read()


@pytest.mark.parametrize("size", SIZES)
def test_every_length_comes_back(box: Box, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    made = sealed(box, content[:size])
    assert len(made) == sealed_size(size)
    assert opened(box, made) == content[:size]


@pytest.mark.parametrize("place", [0, SALT, SALT + 100, SALT + PIECE + TAG + 3, -1])
def test_a_changed_byte_is_noticed(box: Box, place: int) -> None:
    made = bytearray(sealed(box, bytes(3 * PIECE)))
    made[place] ^= 1
    with pytest.raises(BackupError, match="was changed or cut off"):
        opened(box, bytes(made))


@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_what_is_cut_off_between_two_pieces_is_noticed(box: Box, pieces: int) -> None:
    made = sealed(box, bytes(3 * PIECE))
    with pytest.raises(BackupError, match="was changed or cut off"):
        opened(box, made[: SALT + pieces * (PIECE + TAG)])


def test_pieces_that_change_places_are_noticed(box: Box) -> None:
    made = sealed(box, bytes(3 * PIECE))
    one, two = SALT + PIECE + TAG, SALT + 2 * (PIECE + TAG)
    with pytest.raises(BackupError, match="was changed or cut off"):
        opened(box, made[:SALT] + made[one:two] + made[SALT:one] + made[two:])


def test_what_is_added_is_noticed(box: Box) -> None:
    with pytest.raises(BackupError, match="was changed or cut off"):
        opened(box, sealed(box, b"abc") + b"d")


def test_parts_that_change_places_are_noticed(box: Box) -> None:
    with pytest.raises(BackupError, match="was changed or cut off"):
        opened(box, sealed(box, b"abc", "a"), "b")


def test_the_same_content_never_looks_the_same(box: Box) -> None:
    assert sealed(box, b"abc") != sealed(box, b"abc")
    assert box.name("files/a") == box.name("files/a") != box.name("files/b")


def test_the_key_is_made_from_the_passphrase_again(box: Box) -> None:
    again = box_of("correct horse battery staple", box.stretching.as_dict())
    assert opened(again, sealed(box, b"abc")) == b"abc"
    with pytest.raises(BackupError, match="passphrase is wrong"):
        box_of("Correct horse battery staple", box.stretching.as_dict())


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(BackupError, match=r"pip install 'audimax\[backup\]'"):
        new_box("correct horse battery staple")


def test_one_piece_after_the_other_is_held_in_memory(box: Box) -> None:
    """A thousand pieces are sealed and opened without more than a few of them being there at once."""
    asked = 0

    def pieces():
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield bytes(PIECE)

    stream = box.seal("a", pieces())
    next(stream)
    next(stream)
    assert asked <= 3
    assert sealing.sealed_size(1000 * PIECE) == SALT + 1000 * (PIECE + TAG)
