"""The recorder: makes one seekable WebM (VP9 and Opus) of the tracks of a room.

While it runs: ``listening`` → ``workshop`` (a thread) → ``take`` (``mixing``, ``film``, ``encoding``) →
``parts``. Afterwards: ``finishing``, ``thumbnails``, ``cutting``. Nothing here knows Flask.
"""
