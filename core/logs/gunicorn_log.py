"""gunicorn's own lines, in the form of all others."""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn.glogging import Logger


class GunicornLog(Logger):
    """Chosen by gunicorn.conf.py."""

    def setup(self, cfg: Any) -> None:
        # Here, for a reload too: this object outlives the modules of which it was made.
        from core.logs.stream import formatter, output_of

        super().setup(cfg)
        line = formatter(os.environ)
        for handler in self.error_log.handlers:
            handler.setFormatter(line)
            # In a file of the operator's choice they stay where they are.
            if type(handler) is logging.StreamHandler:
                handler.setStream(output_of(line))
