"""Everything that `audimax run` starts on one machine, and how it keeps it going."""
