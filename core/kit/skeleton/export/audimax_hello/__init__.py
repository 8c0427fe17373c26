"""Takes a lecture out as a short text: the first lines of every section."""

from audimax_hello.settings import Settings
from core.api import Plugin

plugin = Plugin(
    name="hello",
    title="Hello",
    description="A lecture in short: the first lines of every section.",
    requires_core=">=0.1,<0.3",
    settings=Settings,
)
