"""Work that blocks, beside the event loop: a few real threads for each purpose."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Threads:
    """gevent's thread pool where gevent runs the web, ordinary threads elsewhere."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises; the event loop goes on meanwhile."""
        if patched():
            return cast(T, self._pool.apply(work))
        return cast(T, self._pool.submit(work).result())

    @cached_property
    def _pool(self) -> Any:
        # Made on first use: threads don't outlive the fork of a worker.
        if patched():
            from gevent.threadpool import ThreadPool

            return ThreadPool(self._count)
        return ThreadPoolExecutor(self._count, thread_name_prefix=self._name)


def patched() -> bool:
    """Whether gevent runs this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))
