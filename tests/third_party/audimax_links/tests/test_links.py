"""Every promise of a plugin, and what this one does."""

from dataclasses import replace

import pytest
from audimax_links.export import Links

from core.api import LecturePackage, Line, Prose, Timeline
from core.testing import PluginContract, sample_package

SAID = (
    Line(75, "Ann", "Read https://a.example/paper.pdf, and (https://b.example/x?y=1)."),
    Line(80, "Bob", "Again: https://a.example/paper.pdf"),
    Line(90, "Eve", "Our call: https://meet.example/1"),
)


class TestLinks(PluginContract):
    name = "links"
    settings = {"leave_out": "meet.example"}  # noqa: RUF012

    def package(self) -> LecturePackage:
        sections = (
            Timeline("chat", "Chat", lines=SAID),
            Prose("summary", "Summary", paragraphs=("ftp://x",)),
        )
        return replace(sample_package(), title="Sets", sections=sections)

    def test_links_are_listed_once_without_what_ends_the_sentence(self, app):
        with app.app_context():
            text = Links().export(self.package(), {"with_names": False}).body.read().decode()
        assert text.split() == ["Sets", "https://a.example/paper.pdf", "https://b.example/x?y=1"]

    def test_names_come_along_if_wished(self, app):
        with app.app_context():
            text = Links().export(self.package(), {"with_names": True}).body.read().decode()
        assert "https://b.example/x?y=1  (Ann, 1:15)" in text

    def test_a_lecture_without_links_says_so(self, app):
        with app.app_context(), pytest.raises(ValueError, match="no links"):
            Links().export(sample_package(), {"with_names": True})
