"""Pages for those who answer for an installation; plugins add theirs by ``admin_pages``."""
