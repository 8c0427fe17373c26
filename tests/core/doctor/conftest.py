from __future__ import annotations

import pytest

from core.doctor.looking import Patient
from tests.fixtures.product import free_ports
from tests.fixtures.proxies import Proxy
from tests.fixtures.serving import at_port


@pytest.fixture
def behind(make_app, authority):
    """``behind(proxy's faults, settings)``: an installation behind a proxy; gives the patient."""
    ending = []

    def put(*, certificate=None, is_https=True, settings=None, serve=True, **faults) -> Patient:
        port, upstream = free_ports(2)
        scheme = "https" if is_https else "http"
        given = {
            "public_url": f"{scheme}://localhost:{port}",
            "trusted_proxies": ["127.0.0.1"],
            **(settings or {}),
        }
        app = make_app(**given)
        if serve:
            server = at_port(app, upstream)
            server.__enter__()
            ending.append(lambda: server.__exit__(None, None, None))
        tls = (certificate or authority.pair("localhost")).context if is_https else None
        ending.append(Proxy(port, upstream, tls, **faults).stop)
        return Patient(app.extensions["audimax_config"], app)

    yield put
    for end in reversed(ending):
        end()


def by_check(findings):
    """The findings by their names; every name must be one that the documentation has."""
    return {one.check: one for one in findings}
