"""Features that an institution switches on: one folder each, with all its parts."""
