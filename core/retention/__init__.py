"""How long content of lectures is kept: an institution's rules, a room's shorter ones, and their runs."""
