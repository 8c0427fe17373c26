"""`make run LAN=1`: somebody joins by the network's address and meets the host, who sits at the machine itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psutil
import pytest
from playwright.sync_api import expect

from core.run.authority import Authority
from core.run.lan import own_address
from tests.browser import hall
from tests.fixtures.browser import Person, axe, scrolls_sideways, until
from tests.fixtures.certificates import pin_of
from tests.fixtures.product import Product, free_ports

pytestmark = [pytest.mark.browser, pytest.mark.livekit]
ADA = "Ada Lovelace"
# Addresses from which media come to this page.
COME_FROM = """async () => {
  const found = new Set();
  for (const p of window.audimax.room.remoteParticipants.values())
    for (const pub of p.trackPublications.values()) {
      const stats = [...(await pub.track?.receiver?.getStats())?.values() ?? []];
      const pairs = stats.filter(s => s.type === 'candidate-pair' && s.bytesReceived > 0);
      for (const pair of pairs) found.add(stats.find(s => s.id === pair.remoteCandidateId)?.address);
    }
  return [...found].filter(Boolean).sort();
}"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    web, page = map(str, free_ports(2))
    folder = tmp_path_factory.mktemp("product") / "instance"
    made = Product(folder, AUDIMAX_LAN="1", AUDIMAX_LAN_PORT=web, AUDIMAX_LAN_PAGE_PORT=page).start()
    made.wait_for("Ctrl-C")
    yield made
    made.stop()


@pytest.fixture
def lan_url(product: Product) -> str:
    return f"https://{own_address()}:{product.environment['AUDIMAX_LAN_PORT']}"


def who_trusts(product: Product) -> str:
    """Argument for a Chromium that takes the server's key for trustworthy, as after the installation."""
    file = Authority(product.instance / "lan").server_file
    text = file.read_text().partition("-----BEGIN CERTIFICATE-----")
    return f"--ignore-certificate-errors-spki-list={pin_of((text[1] + text[2]).encode())}"


def in_the_network() -> set[str]:
    """This machine's addresses that others can reach, IPv6 too."""
    several = (one.address.partition("%")[0] for all_of in psutil.net_if_addrs().values() for one in all_of)
    return {address for address in several if address != "::1" and not address.startswith("127.")}


def test_a_call_between_the_networks_address_and_the_machines_own(
    product: Product, lan_url: str, person: Callable[..., Person]
) -> None:
    host, ada = person(), person(who_trusts(product))
    hall.sign_up_by_link(host.page, product)
    link = hall.make_room(host.page, product, "In the network")
    shown = link.replace(product.url, lan_url)
    assert host.page.locator(f"[href='{shown}'], [value='{shown}']").count(), "the link is one for others"
    hall.open_room(host.page, link)
    hall.press_join(host.page)
    hall.is_inside(host.page)

    hall.open_room(ada.page, shown, ADA)
    hall.press_join(ada.page)
    hall.is_inside(ada.page)
    assert ada.page.evaluate("isSecureContext && location.protocol") == "https:"
    hall.sees_and_hears(ada.page, hall.NAME)
    hall.sees_and_hears(host.page, ADA)
    came_from = until(ada.page, f"({COME_FROM})().then(all => all.length && all)", "media")
    assert set(came_from) <= in_the_network(), came_from
    cookies = {cookie["name"] for cookie in ada.context.cookies()}
    assert cookies
    assert all(name.startswith("__Host-") for name in cookies)

    ada.page.reload()
    hall.is_inside(ada.page)
    host.page.get_by_role("button", name="Leave or end").click()
    host.page.get_by_role("button", name="End for everybody").click()
    expect(ada.page.get_by_text("The lecture has ended")).to_be_visible()
    hall.assert_no_complaints(host, ada)


def test_a_device_that_does_not_know_us_yet_learns_how(
    product: Product, person: Callable[..., Person]
) -> None:
    page = person(locale="de-DE").page
    address = f"http://{own_address()}:{product.environment['AUDIMAX_LAN_PAGE_PORT']}/"
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Diesem Audimax vertrauen")
    expect(page.get_by_text(Authority(product.instance / "lan").fingerprint())).to_be_visible()
    page.get_by_text("iPhone").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            hall.shot(page, f"lan-trust-{scheme}-{width}")
            assert axe(page) == []
            assert not scrolls_sideways(page)
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Zertifikat")).click()
    assert download.value.suggested_filename == "audimax-authority.crt"
