"""Speed and memory, measured on a running product; never in a timed test."""
