"""Rooms: places with a link."""
