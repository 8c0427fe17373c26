"""The host at a browser that reaches the installation by its names, as no other client of the tests does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.browser.hall import Host

FETCH = """async ([method, path, data]) => {
  const headers = {'Content-Type': 'application/json'};
  const answer = await fetch(path, {method, headers, body: method === 'GET' ? undefined : JSON.stringify(data)});
  return {status: answer.status, body: await answer.text()};
}"""


@dataclass(frozen=True)
class Said:
    """What the page has read of an answer."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        return self.status < 300

    def text(self) -> str:
        return self.body

    def json(self) -> Any:
        return json.loads(self.body)


class HostInPage(Host):
    """Asks through the page, which has to show one of ours."""

    def ask(self, method: str, path: str, **data: Any) -> Any:
        return Said(**self.page.evaluate(FETCH, [method, path, data]))
