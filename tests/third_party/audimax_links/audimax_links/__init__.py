"""Takes the links of a lecture out: what was said and written, as one list."""

from audimax_links.settings import Settings
from core.api import Plugin

plugin = Plugin(
    name="links",
    title="Links",
    description="Every link of a lecture as one list.",
    requires_core=">=0.1,<0.3",
    settings=Settings,
)
