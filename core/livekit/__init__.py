"""All that talks to LiveKit."""
