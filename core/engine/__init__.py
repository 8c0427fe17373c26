"""How plugins are found, checked, loaded, asked, mounted and migrated."""
