"""What a single web has counted, as Prometheus asks it: by its own address, not by the proxy's."""

from __future__ import annotations

from typing import Any

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.whole.installation import Installation


def figure(installation: Installation, web: str, name: str, **labels: Any) -> float:
    """The sum over all samples of that name with these labels."""
    samples = (
        one for family in text_string_to_metric_families(metrics(installation, web)) for one in family.samples
    )
    fitting = (one for one in samples if one.name == name and labels.items() <= one.labels.items())
    return sum(one.value for one in fitting)


def metrics(installation: Installation, web: str) -> str:
    token = installation.made.given["AUDIMAX_METRICS_TOKEN"]
    url = f"http://{installation.addresses.of[web]}:8000/metrics"
    answer = urllib3.request("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status == 200, answer.data[:300]
    return answer.data.decode()
