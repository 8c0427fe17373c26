"""A third-party plugin whose exporter does what it shouldn't."""

from core.api import Plugin
from tests.core.exports.rogue.settings import Settings

plugin = Plugin(name="rogue", title="Rogue", requires_core=">=0", settings=Settings)
