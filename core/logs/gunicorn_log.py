"""gunicorn's own lines, in the form of all others."""

from __future__ import annotations

import os
from typing import Any

from gunicorn.glogging import Logger


class GunicornLog(Logger):
    """Chosen by gunicorn.conf.py."""

    def setup(self, cfg: Any) -> None:
        # Here, for a reload too: this object outlives the modules of which it was made.
        from core.logs.stream import formatter

        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(os.environ))
