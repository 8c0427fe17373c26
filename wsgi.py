"""The web application: `gunicorn wsgi:app`."""

import sys

from gevent import monkey

if not monkey.is_module_patched("socket"):
    sys.exit(
        "start Audimax in its own folder with `gunicorn wsgi:app`, so that gunicorn.conf.py is read first"
    )

from core import create_app, obstacles
from core.engine import schema
from core.errors import AudimaxError
from core.run import lan_front

try:
    app = create_app()
    lan_front.init_app(app)
    # Beside `audimax run` the tables are made while the web starts.
    if app.extensions["audimax_config"].mode != "embedded":
        schema.refuse_old_database(app)
except AudimaxError as error:
    # Exit code 4 tells gunicorn to stop instead of trying again and again.
    print(f"Audimax can't start: {error}", file=sys.stderr, flush=True)
    sys.exit(4)
except OSError as error:
    if not (words := obstacles.worded(error)):
        raise
    print(f"Audimax can't start: {words}", file=sys.stderr, flush=True)
    sys.exit(4)
