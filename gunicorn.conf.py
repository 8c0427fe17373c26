"""gunicorn reads this by itself: `gunicorn wsgi:app` in this folder, and `audimax run` likewise."""

# First of all: everything imported afterwards must see gevent's sockets and locks.
from gevent import monkey

monkey.patch_all()

from psycogreen.gevent import patch_psycopg  # noqa: E402

patch_psycopg()

import functools  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

from gunicorn.http import message  # noqa: E402

# On a reload gunicorn reads this file again, then it forks: what it had imported before would be old beside
# what its new workers import. Its hook on_reload would be too late for what is imported here.
for _module in [name for name in sys.modules if name.partition(".")[0] in ("core", "plugins")]:
    del sys.modules[_module]
importlib.invalidate_caches()

from core.logs import stream  # noqa: E402
from core.metrics import workers as figures  # noqa: E402
from core.run.processes import raise_open_files  # noqa: E402

raise_open_files()

_instance = Path(os.environ.get("AUDIMAX_INSTANCE_DIR") or "instance").resolve()
_embedded = os.environ.get("AUDIMAX_MODE") == "embedded"

bind = f"{os.environ.get('AUDIMAX_BIND') or '127.0.0.1'}:{os.environ.get('AUDIMAX_PORT') or 8000}"
workers = int(os.environ.get("AUDIMAX_WEB_WORKERS") or 1)
worker_class = "gevent"
# More than the app's own cap of open streams, so that the app can refuse in words.
worker_connections = int(os.environ.get("AUDIMAX_STREAMS_PER_WORKER") or 6000) * 2 + 1000
backlog = 4096
# For the local network, `make run LAN=1`; elsewhere a proxy ends TLS.
certfile = os.environ.get("AUDIMAX_TLS_FILE") or None
# A search of ten thousand letters (of twelve bytes each at most) reaches the app, whose page says that it is
# too long; gunicorn's own refusal is a bare page. The setting alone can't be more than 8,190.
message.MAX_REQUEST_LINE = limit_request_line = 128 * 1024
# A proxy that asks the gate's question names the whole address in a header, with the media offer in it.
limit_request_field_size = 64 * 1024
timeout = 60
graceful_timeout = 4 if _embedded else 20
keepalive = 30
# A worker shows that it lives by touching a small file: in memory, where that is possible.
worker_tmp_dir = next((str(p) for p in [Path("/dev/shm")] if os.access(p, os.W_OK)), None)  # noqa: S108
# The app works out the client's address from trusted_proxies; gunicorn is to believe nobody.
forwarded_allow_ips = ""
loglevel = os.environ.get("AUDIMAX_LOG_LEVEL") or "info"
if loglevel.lower() == "debug":
    # gunicorn would write down whole paths, in which links have secrets; our own lines leave them out.
    loglevel = "info"
logger_class = "core.logs.gunicorn_log.GunicornLog"
stream.start()
# Before anything counts.
figures.share(_instance, os.environ.get("AUDIMAX_PORT") or "8000")
# By default it lies in the home folder, where two installations would fight over it.
_name = "gunicorn-lan.ctl" if certfile else "gunicorn.ctl"
control_socket = str((_instance if _instance.is_dir() else Path(tempfile.gettempdir())) / _name)
control_socket_disable = len(os.fsencode(control_socket)) > 100


# Ten thousand new objects are less than a page makes.
GARBAGE = (20_000, 10, 10)


def ssl_context(_config, make):
    """Shake hands where gunicorn does: a device that doesn't trust us is a line in the log, no traceback."""
    made = make()
    made.wrap_socket = functools.partial(made.wrap_socket, do_handshake_on_connect=False)
    return made


def on_starting(_server):
    """Figures begin anew with the program; workers come and go."""
    figures.forget_all()


def child_exit(_server, worker):
    """A worker that has ended holds no streams."""
    figures.forget(worker.pid)


def post_worker_init(worker):
    """Hear of changed settings, and end the waiting streams when told to stop: they would keep the worker."""
    import gc

    import gevent

    from core.engine import standing

    # The app itself never goes: looking through it again and again made the slowest pages half as slow again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)

    from core.metrics import counts

    def watch():
        while worker.alive:
            gevent.sleep(0.2)
            counts.note_streams(worker.wsgi)
        worker.wsgi.extensions["audimax_stopping"] = True
        for streams in ("audimax_halls", "audimax_sockets", "audimax_lecture_streams"):
            worker.wsgi.extensions[streams].close()
        if front := worker.wsgi.extensions.get("audimax_lan_front"):
            front.close()

    gevent.spawn(watch)
    standing.listen(worker.wsgi)
