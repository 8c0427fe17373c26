"""The second engine: LiveKit Egress records a page of ours, and writes MP4 into the storage's bucket.

``runs`` starts and stops it and looks after it, ``scene`` is the page and what it asks, ``joining`` makes
one film of what came. A run is one egress; its file is one piece.
"""
