"""The processes of `deploy/compose.yaml`, with its environment, on this machine's loopback addresses."""
