"""What the enabled plugins have looked at themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.contracts import HealthCheck
from core.doctor.findings import Finding, bad, good
from core.doctor.looking import Patient
from core.engine import isolation, offers

CHECKS: Mapping[str, str] = {
    "<plugin>.<name>": "whatever an enabled plugin has looked at: S3 as we and as browsers see it, speech "
    "and language models, LiveKit Egress, Google, the shut door, fonts"
}


def look(_patient: Patient) -> Iterator[Finding]:
    yield from of_plugins()


def of_plugins() -> Iterator[Finding]:
    """What the enabled plugins find, one after the other; inside an app context."""
    for name, check in offers.health_checks().items():
        yield of_plugin(name, check)


def of_plugin(name: str, check: HealthCheck) -> Finding:
    """What one check finds."""
    try:
        with isolation.time_limit(check.timeout):
            check.run()
    except Exception as error:
        return bad(name, str(error) or type(error).__name__, "")
    return good(name, "works")
