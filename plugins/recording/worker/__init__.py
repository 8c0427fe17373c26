"""The recorder's program: waits for recordings, runs a process for each, hands over what it makes."""
