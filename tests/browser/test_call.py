"""The walking skeleton: a host and two guests, from the set-up link to the lecture page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import hall
from tests.fixtures.browser import Person, until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.livekit]


def test_a_lecture_from_the_set_up_link_to_its_page(product: Product, person: Callable[..., Person]) -> None:
    host, ada, alan = person(), person(), person()

    hall.sign_up_by_link(host.page, product)
    link = hall.make_room(host.page, product, "Rings and fields")

    hall.open_room(ada.page, link, "Ada Lovelace")
    hall.press_join(ada.page)
    expect(ada.page.get_by_text("The host isn't here yet")).to_be_visible()

    hall.open_room(host.page, link)
    hall.press_join(host.page)
    hall.is_inside(host.page)
    hall.is_inside(ada.page)

    hall.open_room(alan.page, link, "Alan Turing")
    hall.press_join(alan.page)
    hall.is_inside(alan.page)

    for who, others in (
        (host, ("Ada Lovelace", "Alan Turing")),
        (ada, (hall.NAME, "Alan Turing")),
        (alan, (hall.NAME, "Ada Lovelace")),
    ):
        for other in others:
            hall.sees_and_hears(who.page, other)
    hall.shot(host.page, "call-host")

    host.page.get_by_role("button", name="Share your screen").click()
    until(ada.page, f"({hall.RECEIVED})().then(r => r[{hall.NAME!r}].screen > 3)", "the shared screen")
    hall.shot(ada.page, "call-screen")

    identity = hall.identity(alan.page)
    alan.page.reload()
    hall.is_inside(alan.page)
    assert hall.identity(alan.page) == identity
    hall.sees_and_hears(ada.page, hall.NAME)

    host.page.get_by_role("button", name="Leave or end").click()
    host.page.get_by_role("button", name="End for everybody").click()
    for who in (ada, alan):
        expect(who.page.get_by_text("The lecture has ended")).to_be_visible()
    host.page.get_by_role("link", name="To the lecture page").click()
    expect(host.page.get_by_role("heading", level=1)).to_contain_text("Rings and fields")
    for name in (hall.NAME, "Ada Lovelace", "Alan Turing"):
        expect(host.page.get_by_role("main")).to_contain_text(name)
    hall.shot(host.page, "lecture-page")
    hall.assert_no_complaints(host, ada, alan)
