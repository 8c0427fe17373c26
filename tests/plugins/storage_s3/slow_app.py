"""A web application for ``test_waiting``: one address that asks S3, one that asks nobody."""

from __future__ import annotations

import os
from types import SimpleNamespace

from flask import Flask

from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import S3Storage

app = Flask(__name__)
# What gunicorn.conf.py closes when the worker is told to stop.
for name in ("audimax_halls", "audimax_sockets", "audimax_lecture_streams"):
    app.extensions[name] = SimpleNamespace(close=lambda: None)
# What it listens to once it serves.
app.extensions["audimax_bus"] = SimpleNamespace(subscribe=lambda topic, wake: None)
app.extensions["audimax_standing"] = SimpleNamespace(wake=lambda: None, refresh=lambda: None)
storage = S3Storage(Settings("lectures", "key", "topsecret", endpoint=os.environ["SLOW_S3"]))


@app.get("/file")
def file() -> str:
    with storage.open("x") as body:
        return body.read().decode()


@app.get("/alive")
def alive() -> str:
    return "yes"
