from __future__ import annotations

import ast
import io
import os
import random
import runpy
import socket
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PIL import ExifTags, Image

from core.errors import AudimaxError
from core.files import previews, walls
from core.files.previews import can_preview, make_preview
from core.run.processes import wait_for
from tests.fixtures.product import ROOT

RED, BLUE, GREY = (220, 30, 30), (30, 30, 220), (128, 128, 128)
MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, format, **options)
    return made.getvalue()


def halves(width: int, height: int) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    return image


def preview(body: bytes, mime: str) -> Image.Image:
    made = make_preview(io.BytesIO(body), mime)
    assert made is not None and len(made) < 100_000
    picture = Image.open(io.BytesIO(made))
    assert picture.format == "WEBP"
    return picture


def is_about(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    seen = picture.convert("RGB").getpixel(at)
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 25 for one, other in zip(seen, colour, strict=True))


def pdf(*pages: str, box: str = "0 0 600 800", extra: str = "", trailer: str = "") -> bytes:
    """A small PDF; each page is what its content stream draws."""
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>"]
    for at, drawn in enumerate(pages):
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]{extra}/Contents {4 + 2 * at} 0 R>>")
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream")
    made, offsets = "%PDF-1.4\n", []
    for number, written in enumerate(objects, 1):
        offsets.append(len(made))
        made += f"{number} 0 obj{written}endobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    start, size = len(made), len(objects) + 1
    made += f"xref\n0 {size}\n0000000000 65535 f \n{table}"
    return (made + f"trailer<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF").encode()


ABOVE_RED = "1 0 0 rg 0 400 600 400 re f 0 0 1 rg 0 0 600 400 re f"
LOCKED = f"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{'11' * 32}>/U<{'22' * 32}>>>/ID[<00><00>]"


# --- what is to be seen ---------------------------------------------------------------


@pytest.mark.parametrize("format", MIMES)
def test_a_picture_becomes_a_small_webp_of_the_same_shape_and_colours(format: str) -> None:
    made = preview(saved(halves(1200, 800), format), MIMES[format])
    assert made.size == (480, 320)
    assert is_about(made, (240, 20), RED) and is_about(made, (240, 300), BLUE)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at", "blue_at"),
    [
        (3, (480, 240), (240, 220), (240, 20)),
        (6, (240, 480), (220, 240), (20, 240)),
        (8, (240, 480), (20, 240), (220, 240)),
    ],
)
def test_a_photograph_is_turned_as_the_camera_was_held(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int], blue_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    made = preview(saved(halves(1600, 800), "JPEG", exif=exif), "image/jpeg")
    assert made.size == size
    assert is_about(made, red_at, RED) and is_about(made, blue_at, BLUE)


def test_what_a_camera_wrote_about_place_and_owner_is_not_in_the_preview() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada Lovelace"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    body = saved(halves(800, 800), "JPEG", exif=exif, xmp=b"<x>Ada</x>", icc_profile=b"profile")
    assert b"Ada" in body
    made = make_preview(io.BytesIO(body), "image/jpeg")
    assert made and b"Ada" not in made and b"profile" not in made


def test_a_broken_note_of_the_camera_does_not_hide_the_picture() -> None:
    made = preview(saved(halves(800, 800), "JPEG", exif=b"Exif\0\0nothing of the kind"), "image/jpeg")
    assert made.size == (480, 480)


def test_a_small_picture_is_not_enlarged_and_stays_transparent() -> None:
    image = Image.new("RGBA", (20, 10), (*RED, 0))
    image.paste((*BLUE, 255), (10, 0, 20, 10))
    for format in ("PNG", "GIF", "WEBP"):
        made = preview(saved(image, format), MIMES[format])
        assert made.size == (20, 10) and made.mode == "RGBA"
        left, right = made.getpixel((2, 5)), made.getpixel((17, 5))
        assert isinstance(left, tuple) and isinstance(right, tuple) and (left[3], right[3]) == (0, 255)


@pytest.mark.parametrize(
    ("image", "format", "colour"),
    [
        (Image.new("I;16", (50, 50), 128 * 256), "PNG", GREY),
        (Image.new("L", (50, 50), 128), "PNG", GREY),
        (Image.new("1", (50, 50), 1), "PNG", (255, 255, 255)),
        (Image.new("LA", (50, 50), (128, 255)), "PNG", GREY),
        (Image.new("RGB", (50, 50), RED).quantize(4), "PNG", RED),
        (Image.new("CMYK", (50, 50), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("L", (50, 50), 128), "JPEG", GREY),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_way_to_write_colours_is_understood(
    image: Image.Image, format: str, colour: tuple[int, int, int]
) -> None:
    assert is_about(preview(saved(image, format), MIMES[format]), (25, 25), colour)


def test_of_a_film_the_first_picture_is_shown() -> None:
    frames = [Image.new("RGB", (100, 100), colour) for colour in (RED, BLUE)]
    for format in ("GIF", "WEBP"):
        body = saved(frames[0], format, save_all=True, append_images=frames[1:], duration=100)
        assert is_about(preview(body, MIMES[format]), (50, 50), RED)


def test_a_large_photograph_has_a_preview() -> None:
    body = saved(Image.new("RGB", (14_000, 10_000), RED), "JPEG")
    assert preview(body, "image/jpeg").size == (480, 343)


def test_a_picture_of_the_most_pixels_fits_into_the_memory() -> None:
    body = saved(Image.new("P", (10_000, 5_000)), "PNG", transparency=1)
    assert preview(body, "image/png").size == (480, 240)


def test_of_a_pdf_the_first_page_is_shown() -> None:
    made = preview(pdf(ABOVE_RED, "0 1 0 rg 0 0 600 800 re f"), "application/pdf")
    assert made.size == (360, 480)
    assert is_about(made, (180, 100), (255, 0, 0)) and is_about(made, (180, 400), (0, 0, 255))


def test_a_turned_page_is_shown_turned_and_an_empty_one_white() -> None:
    made = preview(pdf(ABOVE_RED, extra="/Rotate 90"), "application/pdf")
    assert made.size == (480, 360) and is_about(made, (400, 180), (255, 0, 0))
    assert is_about(preview(pdf(""), "application/pdf"), (180, 240), (255, 255, 255))


def test_text_without_a_font_of_its_own_is_drawn() -> None:
    font = "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    made = preview(pdf("BT /F 300 Tf 50 300 Td (Ha) Tj ET", extra=font), "application/pdf")
    darkest = made.convert("L").getextrema()[0]
    assert isinstance(darkest, int | float) and darkest < 60


def test_types_are_those_that_the_child_knows() -> None:
    child = runpy.run_path(str(previews.MAKER))
    assert {*child["FORMATS"], "application/pdf"} == previews.MIMES
    assert can_preview("image/png") and not can_preview("image/svg+xml")
    assert make_preview(io.BytesIO(b"<svg/>"), "image/svg+xml") is None


# --- where there is nothing to show ---------------------------------------------------


def png_bomb(side: int) -> bytes:
    """A true picture, a thousand times smaller than its pixels."""
    packer, row, parts = zlib.compressobj(9), bytes((side + 7) // 8 + 1), []
    for _ in range(side):
        parts.append(packer.compress(row))
    parts.append(packer.flush())

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"".join(parts)) + chunk(b"IEND", b"")


NOISE = random.Random(1).randbytes(600 * 600 * 3)
PHOTO = saved(Image.frombytes("RGB", (600, 600), NOISE), "JPEG")
NOTHING = {
    "empty": (b"", "image/png"),
    "wide gif": (
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00" + b",\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0;",
        "image/gif",
    ),
    "truncated": (PHOTO[: len(PHOTO) // 2], "image/jpeg"),
    "truncated pdf": (pdf(ABOVE_RED)[:60], "application/pdf"),
    "wrong type": (PHOTO, "image/png"),
    "no pdf": (b"MZ" + NOISE[:5000], "application/pdf"),
    "noise": (b"\x89PNG\r\n\x1a\n" + NOISE, "image/png"),
    "encrypted": (pdf(ABOVE_RED, trailer=LOCKED), "application/pdf"),
    "no pages": (pdf(), "application/pdf"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_there_is_nothing_to_show_of_what_is_broken_or_too_large(name: str) -> None:
    body, mime = NOTHING[name]
    assert make_preview(io.BytesIO(body), mime) is None


def test_a_bomb_of_pixels_is_not_unpacked() -> None:
    bomb = png_bomb(50_000)
    assert len(bomb) < 1_000_000
    assert make_preview(io.BytesIO(bomb), "image/png") is None


@pytest.mark.parametrize(
    "box", ["0 0 1e9 1", "0 0 1 1e9", "0 0 1e30 1e30", "0 0 0 0", "0 0 -5 -5", "9 9 9 9"]
)
def test_a_page_of_absurd_size_harms_nobody(box: str) -> None:
    made = make_preview(io.BytesIO(pdf(ABOVE_RED, box=box)), "application/pdf")
    assert made is None or max(Image.open(io.BytesIO(made)).size) <= 480


class Endless(io.RawIOBase):
    given = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= previews.CHUNK
        self.given += size
        return bytes(size)


def test_a_huge_file_is_left_alone_and_not_read_to_its_end() -> None:
    body = Endless()
    assert make_preview(body, "image/png") is None  # type: ignore[arg-type]
    assert body.given == previews.LARGEST_FILE + 1


# --- the walls ------------------------------------------------------------------------

HANGS = """
import threading
def main(body):
    lock = threading.Lock()
    while True: lock.acquire()
"""
Run = Callable[..., bytes | None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a program's ``main`` behind the walls, as the maker of previews is run."""

    def one(source: str, before: str = "", *words: str, given: bytes = b"") -> bytes | None:
        program = tmp_path / f"program{len(list(tmp_path.iterdir()))}.py"
        head = "import ctypes, os, resource, signal, socket, subprocess, sys, threading\n"
        inner = "".join(f"    {line}\n" for line in source.splitlines())
        program.write_text(f"{head}{before}\ndef main(body, *words):\n{inner}")
        with tempfile.TemporaryFile() as body:
            body.write(given)
            body.seek(0)
            return previews.run(program, body, *words)

    return one


def test_a_program_gets_the_file_and_gives_what_it_made(run: Run) -> None:
    assert run("return body + words[0].encode()", "", " and a word", given=b"bytes") == b"bytes and a word"
    assert run("return None") is None
    assert run("raise ValueError('broken')") is None


FORBIDDEN = {
    "a socket": "socket.socket(socket.AF_INET)",
    "a datagram": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "a local socket": "socket.socket(socket.AF_UNIX)",
    "a pair of sockets": "socket.socketpair()",
    "/etc/passwd": "open('/etc/passwd')",
    "a file of the instance": "open(words[0])",
    "what the parent holds": "open(f'/proc/{os.getppid()}/environ', 'rb')",
    "a new file": "open('/tmp/preview-was-here', 'w')",
    "a list of a folder": "os.listdir('/')",
    "another folder": "os.chdir('/tmp')",
    "a fork": "os.fork()",
    "a program": "subprocess.run(['true'])",
    "another program instead": "os.execv('/bin/true', ['true'])",
    "a thread": "threading.Thread(target=print).start()",
    "a signal to the parent": "os.kill(int(words[1]), 0)",
    "higher limits": "resource.setrlimit(0, (99, 99))",
    "root again": "os.setuid(0)",
    "shared memory": "os.memfd_create('x')",
    "a mount": "raise OSError(1, '') if ctypes.CDLL(None).mount(b'/', b'/', b'', 4096, None) else 0",
    "a namespace": "raise OSError(1, '') if ctypes.CDLL(None).unshare(0x10000000) else 0",
}


@pytest.mark.skipif("sys.platform != 'linux'", reason="macOS has no such walls")
def test_behind_the_walls_there_is_nothing_else(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "instance-secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    source = "said = {}\n"
    for name, tried in FORBIDDEN.items():
        source += f"try: {tried}\nexcept Exception as error: said[{name!r}] = repr(error)\n"
        source += f"else: said[{name!r}] = 'reached'\n"
    said = run(source + "return repr(said).encode()", "", str(secret), str(os.getpid()))
    assert said is not None
    seen = ast.literal_eval(said.decode())
    assert seen.keys() == FORBIDDEN.keys()
    refused = (
        "PermissionError",
        "OSError(1",
        "RuntimeError(\"can't start new thread",
        "ValueError('not allowed",
    )
    assert not {name: what for name, what in seen.items() if not what.startswith(refused)}


def test_no_secret_and_no_open_file_is_inherited(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIMAX_SECRET_KEY", "very secret")
    read, write = os.pipe()
    os.set_inheritable(write, True)
    before = "SEEN = repr((dict(os.environ), os.getcwd(), sorted(os.listdir('/dev/fd')))).encode()"
    said = run("return SEEN", before)
    os.close(read)
    os.close(write)
    assert said is not None
    environment, folder, descriptors = ast.literal_eval(said.decode())
    assert set(environment) <= {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} and folder == "/"
    assert set(descriptors) <= {"0", "1", "2", "3"}  # 3 is the list itself


def test_a_program_gets_no_more_memory_than_a_picture_needs(run: Run) -> None:
    eats = "kept = []\ntry:\n    while True: kept.append(b'x' * 10_000_000)\n"
    said = run(eats + "except MemoryError: return str(len(kept)).encode()")
    assert said is not None and 50 < int(said) < walls.MEMORY_BYTES / 10_000_000


def test_a_program_that_writes_without_end_is_cut_off(run: Run) -> None:
    assert run("return b'RIFF' * 1_000_000") is None
    assert run("while True: os.write(1, b'x' * 65536)") is None
    assert run("while True: os.write(2, b'x' * 65536)") is None


def test_a_program_that_crashes_makes_nothing(run: Run) -> None:
    assert run("ctypes.string_at(0)") is None
    assert run("ctypes.CDLL(None).abort()") is None
    assert run("os._exit(7)") is None


def makers() -> list[psutil.Process]:
    """The programs behind walls that this process has started, whatever else it runs."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(part.endswith("walls.py") for part in child.cmdline()):
                found.append(child)
    return found


@pytest.mark.slow
def test_programs_that_spin_or_hang_end_by_themselves(run: Run) -> None:
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(run, ["while True: pass", "a = threading.Lock()\nwhile True: a.acquire()"]))
    assert made == [None, None] and not makers()


@pytest.mark.slow
def test_a_program_that_doesnt_hear_its_alarm_is_stopped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "PATIENCE", 10)
    ignore = "signal.signal(signal.SIGALRM, signal.SIG_IGN)"
    assert run(f"{ignore}\na = threading.Lock()\nwhile True: a.acquire()") is None
    assert not makers()


def test_what_isnt_a_webp_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "liar.py").write_text("def main(body, mime): return b'<script>'")
    monkeypatch.setattr(previews, "MAKER", tmp_path / "liar.py")
    assert make_preview(io.BytesIO(PHOTO), "image/jpeg") is None


def test_a_maker_that_doesnt_start_is_an_error_and_not_a_missing_preview(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    with tempfile.TemporaryFile() as body, pytest.raises(AudimaxError, match=r"broken\.py doesn't start"):
        previews.run(tmp_path / "broken.py", body)


def test_many_at_once_wait_for_each_other_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    most = 0
    with ThreadPoolExecutor(8) as threads:
        work = [threads.submit(make_preview, io.BytesIO(PHOTO), "image/jpeg") for _ in range(8)]
        while not all(one.done() for one in work):
            most = max(most, len(makers()))
    assert all(one.result() for one in work)
    assert 1 <= most <= previews.AT_ONCE
    assert not makers() and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_child_ends_even_if_its_parent_was_killed(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    source = "import sys; from pathlib import Path; from core.files import previews; "
    source += "previews.run(Path(sys.argv[1]), open('/dev/null', 'rb'))"
    with subprocess.Popen([sys.executable, "-c", source, str(tmp_path / "hangs.py")], cwd=ROOT) as parent:
        assert wait_for(lambda: bool(psutil.Process(parent.pid).children()), 60)
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    assert wait_for(lambda: not child.is_running(), previews.PATIENCE)


# --- each wall by itself --------------------------------------------------------------

ALONE = {
    "leave_system_calls": ["open('/etc/passwd')", "socket.socket()", "os.fork()", "os.listdir('/')"],
    "leave_files": ["open('/etc/passwd')", "open(sys.argv[2], 'a')", "os.listdir('/')"],
    "leave_network": ["socket.create_connection(('127.0.0.1', int(sys.argv[3])), 5)"],
}
if os.geteuid() == 0:
    ALONE["become_nobody"] = ["open(sys.argv[2])", "os.setuid(0)"]


@pytest.mark.skipif("sys.platform != 'linux'", reason="macOS has no such walls")
@pytest.mark.optional  # a container may forbid namespaces, a kernel lack Landlock
@pytest.mark.parametrize("wall", ALONE)
def test_each_wall_holds_without_the_others(wall: str, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.touch(mode=0o600)
    source = "import os, runpy, socket, sys\nwalls = runpy.run_path(sys.argv[1])\n"
    source += f"try: walls[{wall!r}]()\nexcept OSError: print('missing'); sys.exit()\n"
    for tried in ALONE[wall]:
        source += (
            f"try: {tried}\nexcept OSError as error: print(error.errno, end=' ')\nelse: print('reached')\n"
        )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        argv = [sys.executable, "-I", "-S", "-c", source, walls.__file__, str(private), port]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    if said.stdout.startswith("missing"):
        pytest.skip(f"this system has no {wall}")
    assert len(said.stdout.split()) == len(ALONE[wall]) and "reached" not in said.stdout, said


def test_only_what_no_wall_holds_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    previews._note("seccomp, Landlock")
    previews._note("seccomp, Landlock")
    previews._note("Landlock")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
