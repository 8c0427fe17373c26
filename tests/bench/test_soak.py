"""The soak's judgement: what grows is seen, what goes up and down isn't."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from bench.soak import Sample, Told, Watch, _sample, _sample_of_backends


def watch(mb: list[float], connections: list[int] | None = None) -> Watch:
    made = Watch(SimpleNamespace())  # type: ignore[arg-type]
    made.parts = {
        "web-a": [Sample(one, 40, 10) for one in mb],
        "jobs": [Sample(100.0, 20 + n % 2, 5) for n in range(len(mb))],
    }
    made.connections = connections or [12] * len(mb)
    return made


def told(made: Watch, failed: dict[str, int] | None = None, lost: Any = None) -> Told:
    return Told(60.0, made, Counter(join=7), Counter(failed or {}), lost or {"chat": []})


def test_memory_that_fills_at_first_and_stays_is_flat() -> None:
    made = told(watch([50.0 * n for n in range(10)] + [500.0 + n % 3 for n in range(90)]))
    assert made.failures == []
    assert abs(made.figures["soak_growth_mb"]) <= 2


def test_memory_that_goes_on_growing_is_a_leak() -> None:
    made = told(watch([100.0 + n for n in range(100)]))
    assert made.figures["soak_growth_mb"] == 50
    assert made.failures == ["soak_growth_mb is 50"]
    assert "| web-a | 137 | 187 |" in made.markdown


def test_one_peak_is_no_growth() -> None:
    assert told(watch([100.0] * 90 + [900.0] + [100.0] * 9)).failures == []


def test_connections_that_are_not_given_back_are_a_leak() -> None:
    made = told(watch([100.0] * 100, [10 + n // 5 for n in range(100)]))
    assert [words.split()[0] for words in made.failures] == ["soak_connections"]


def process(sockets: int, *files: str) -> Any:
    return SimpleNamespace(
        memory_full_info=lambda: SimpleNamespace(uss=2**20),
        num_fds=lambda: sockets + len(files),
        num_threads=lambda: 1,
        open_files=lambda: [SimpleNamespace(path=one) for one in files],
    )


def test_a_table_that_several_backends_have_open_counts_once_and_all_else_each_time() -> None:
    backends = [process(3, "people", "rooms"), process(4, "people"), process(1, "rooms", "rooms")]
    assert _sample(backends).files == 13
    assert _sample_of_backends(backends) == Sample(3.0, 8 + 2, 3)


def test_what_failed_or_was_lost_is_told() -> None:
    made = told(watch([1.0] * 8), {"join": 2}, {"chat": ["line 1"]})
    assert made.failures == ["chat: 1 lost", "2 × join failed"]
    assert "7 × join" in made.markdown
