"""Backups: the database and all files as of one moment, in a folder or a tar, and the way back.

A backup has no tool of PostgreSQL's in it: rows are copied with ``COPY`` in one snapshot, and the tables
they go back into are made by our own migrations, at the revisions that they were copied at. So a backup
depends neither on `pg_dump` being there, which refuses servers newer than itself, nor on the server's
version, and a restored database is exactly what the migrations make.
"""
