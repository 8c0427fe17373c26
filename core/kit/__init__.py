"""What plugin authors get: a package to begin with, and a look at one that is installed."""
