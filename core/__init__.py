"""Rooms, people, lectures and the hooks that plugins fill in. Core knows no plugin."""
