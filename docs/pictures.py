"""Takes the pictures of the documentation from a running product: `python -m docs.pictures`.

Everything on them happens: a server, three browsers, a call, a shared tab. Only the people and the slide
before the cameras are drawn here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.browser import hall
from tests.browser.hall import Host
from tests.fixtures.browser import ARGUMENTS, Person, chromium_path, launch, until
from tests.fixtures.product import Product

IMAGES = Path(__file__).parent / "images"
FRAMES = 15
WINDOW = {"width": 1280, "height": 800}
TITLE = "Symmetry and invariants"
ADA, ALAN = "Ada Lovelace", "Alan Turing"

# Wall, shelf, hair and how far it falls, skin, clothes.
PEOPLE = {
    "host": ("#cdd6d0", "#2f4a43", "#4a3428", 78, "#e8bf9f", "#3b4a6b"),
    "ada": ("#e6dccb", "#8a6a4a", "#2b2126", 90, "#d8a983", "#7c3f58"),
    "alan": ("#c9d3e0", "#5d7088", "#6b4a2f", 58, "#eecbad", "#46604a"),
}
Look = tuple[str, str, str, int, str, str]

# Chromium names its pretended devices after files and itself.
DEVICE_NAMES = """
const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
const names = {audioinput: 'Microphone', videoinput: 'Camera', audiooutput: 'Loudspeaker'};
navigator.mediaDevices.enumerateDevices = async () => (await list()).map(
  ({kind, deviceId, groupId, label}) => ({kind, deviceId, groupId, label: label && names[kind]}));
"""

SLIDE = """<!doctype html><title>Slides</title><style>
body { margin: 0; height: 100vh; box-sizing: border-box; padding: 5vh 6vw; color: #1c2430;
  background: #fbfaf7; font: 2.6vw/1.5 Inter, "DejaVu Sans", sans-serif;
  display: grid; grid-template: auto 1fr auto / 1fr; gap: 3vh }
h1 { font: 600 4vw/1.15 "DejaVu Serif", Georgia, serif; margin: 0; color: #23405e }
main { display: grid; grid-template-columns: 1.4fr 1fr; gap: 5vw; align-items: center }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: #5b6775; font-weight: 500 }
td, th { padding: 1.8vh 2vw 1.8vh 0; border-bottom: 1px solid #d9d5cb }
footer { color: #5b6775; font-size: 1.5vw }
</style><h1>Every symmetry keeps something</h1><main><table>
<tr><th>What may change</th><th>What stays</th></tr><tr><td>the moment in time</td><td>energy</td></tr>
<tr><td>the place</td><td>momentum</td></tr><tr><td>the direction</td><td>angular momentum</td></tr></table>
<svg viewBox="0 0 240 170" fill="none" stroke="#23405e" stroke-width="2.5" stroke-linejoin="round">
<g fill="#b5651d" fill-opacity=".22" stroke="#b5651d"><path d="M40 85 63.3 142.2A105 68 0 0 1 63.3 27.8Z"/>
<path d="M40 85 224.2 93.4A105 68 0 0 1 210 120.1Z"/></g><ellipse cx="120" cy="85" rx="105" ry="68"/>
<circle cx="40" cy="85" r="8" fill="#e0a526" stroke="none"/>
<circle cx="210" cy="120.1" r="6" fill="#23405e"/></svg>
</main><footer>Theoretical physics · week 4</footer>"""


def drawn(wall: str, behind: str, hair: str, falls: int, skin: str, clothes: str, nod: float) -> str:
    """Somebody at a desk, head and shoulders."""
    books = "".join(
        f'<rect x="{24 + n * 31}" y="{52 + n * 7 % 23}" width="{19 + n * 5 % 9}" height="{84 - n * 7 % 23}" '
        f'fill="{behind}" opacity="{0.45 + n % 4 * 0.14:.2f}"/>'
        for n in range(20)
    )
    return f"""<body style="margin:0"><svg viewBox="0 0 640 360" width="640" height="360">
<rect width="640" height="360" fill="{wall}"/>{books}<rect y="136" width="640" height="8" fill="{behind}"/>
<path d="M150 360c4-86 70-116 170-116s166 30 170 116z" fill="{clothes}"/>
<g transform="translate(0 {nod})"><path d="M288 206h64v46c0 24-64 24-64 0z" fill="{skin}" opacity=".9"/>
<ellipse cx="320" cy="{86 + falls * 0.75}" rx="{44 + falls * 0.3:.0f}" ry="{falls}"
fill="{hair}"/><ellipse cx="320" cy="164" rx="56" ry="68" fill="{skin}"/>
<path d="M262 146c14-46 102-50 116-2-30-2-54-12-68-26-8 14-26 24-48 28z" fill="{hair}"/>
<g fill="#2a2422"><circle cx="298" cy="164" r="5"/><circle cx="342" cy="164" r="5"/></g>
<path d="M302 200q18 12 36 0" fill="none" stroke="#7a4336" stroke-width="4"
stroke-linecap="round"/></g></svg>"""


def film(page: Page, path: Path, look: Look) -> Path:
    """A second of somebody who nods, as the JPEG sequence that Chromium takes for a camera."""
    page.set_viewport_size({"width": 640, "height": 360})
    pictures = []
    for number in range(FRAMES):
        page.set_content(drawn(*look, nod=abs(number - FRAMES / 2) / 3))
        pictures.append(page.screenshot(type="jpeg", quality=92))
    path.write_bytes(b"".join(pictures))
    return path


@contextmanager
def someone(playwright: Playwright, folder: Path, camera: Path) -> Iterator[Person]:
    """A browser whose camera shows that film."""
    extra = [
        f"--use-file-for-fake-video-capture={camera}",
        "--auto-select-tab-capture-source-by-title=Slides",
    ]
    # With the pretended dialogs a shared screen would be pretended, too.
    unwanted = ("--auto-select-desktop-capture-source", "--use-fake-ui-for-media-stream")
    arguments = [one for one in ARGUMENTS if not one.startswith(unwanted)] + extra
    context = playwright.chromium.launch_persistent_context(
        str(folder), executable_path=chromium_path(), args=arguments, viewport=WINDOW, color_scheme="light",
        reduced_motion="reduce", locale="en-GB",
    )  # fmt: skip
    context.grant_permissions(["camera", "microphone"])
    context.add_init_script(DEVICE_NAMES)
    context.set_default_timeout(120_000)
    yield Person(context)
    context.close()


def films(playwright: Playwright, folder: Path) -> dict[str, Path]:
    browser = launch(playwright)
    page = browser.new_page()
    made = {name: film(page, folder / f"{name}.mjpeg", look) for name, look in PEOPLE.items()}
    browser.close()
    return made


def keep(page: Page, name: str) -> None:
    """Write the picture; the pointer rests where it raises nothing."""
    page.mouse.move(640, 2)
    IMAGES.mkdir(exist_ok=True)
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


def take(product: Product, host: Person, ada: Person, alan: Person) -> None:
    """The story of the pictures."""
    hall.sign_up_by_link(host.page, product)
    room = Host(host, product).make_room(TITLE)
    host.page.goto(f"{product.url}/rooms/{room.id}")
    keep(host.page, "room")
    slides = host.context.new_page()
    slides.set_content(SLIDE)
    host.page.bring_to_front()
    hall.open_room(host.page, room.link)
    hall.press_join(host.page)
    hall.is_inside(host.page)
    for guest, name in ((ada, ADA), (alan, ALAN)):
        hall.open_room(guest.page, room.link, name)
        if guest is ada:
            until(guest.page, "document.querySelector('video')?.videoWidth > 0", "the camera", 60)
            keep(guest.page, "prejoin")
        hall.press_join(guest.page)
        hall.is_inside(guest.page)
    host.page.get_by_role("button", name="Share your screen").click()
    until(ada.page, f"({hall.RECEIVED})().then(r => r[{hall.NAME!r}]?.screen > 3)", "the slide", 120)
    for name in (hall.NAME, ALAN):
        until(ada.page, f"({hall.RECEIVED})().then(r => r[{name!r}]?.frames > 30)", f"{name}'s picture", 120)
    ada.page.get_by_role("button", name="People").click()
    expect(ada.page.get_by_text("3 people")).to_be_visible()
    ada.page.wait_for_timeout(3000)
    keep(ada.page, "call")
    host.page.get_by_role("button", name="Leave or end").click()
    host.page.get_by_role("button", name="End for everybody").click()
    host.page.get_by_role("link", name="To the lecture page").click()
    expect(host.page.get_by_role("heading", level=1)).to_contain_text(TITLE)
    keep(host.page, "lecture")


def main() -> None:
    """Start, take, stop."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        product = Product(folder / "instance", AUDIMAX_INSTITUTION="Audimax").start()
        stack.callback(product.stop)
        playwright = stack.enter_context(sync_playwright())
        cameras = films(playwright, folder)
        people = [stack.enter_context(someone(playwright, folder / n, cameras[n])) for n in PEOPLE]
        take(product, *people)


if __name__ == "__main__":
    main()
