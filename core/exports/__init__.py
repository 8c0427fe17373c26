"""Taking a lecture out: exporters run in a child behind walls, as jobs that people can see and stop."""
