"""An exporter, and whether every script has its font."""

from functools import partial
from importlib.util import find_spec

from core.api import Exporter, HealthCheck, PluginError, config, hookimpl, settings
from plugins.export_pdf import fonts, logo
from plugins.export_pdf.exporter import PdfExporter
from plugins.export_pdf.settings import Settings

LIBRARIES = ("xhtml2pdf", "reportlab", "pypdf")


@hookimpl
def exporters() -> list[Exporter]:
    _demand_libraries()
    wanted, core = settings(Settings), config()
    picture = _logo(wanted.logo)
    return [PdfExporter(wanted, core.institution, core.address, core.time_zone, picture)]


@hookimpl
def health_checks() -> list[HealthCheck]:
    return [HealthCheck("fonts", partial(check_fonts, tuple(settings(Settings).font_folders)))]


def check_fonts(own: tuple[str, ...] = ()) -> None:
    """Raises with the scripts that would not be shown, and what to install."""
    if lacking := fonts.lacking(own):
        raise RuntimeError(f"PDFs can't show {', '.join(lacking)}: {fonts.REMEDY}")


def _demand_libraries() -> None:
    """They are imported where a PDF is made; that they are missing should be known at the start."""
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        raise PluginError("export_pdf", f"{missing[0]} is not installed", "pip install 'audimax[pdf]'")


def _logo(path: str) -> logo.Logo | None:
    try:
        return logo.read(path)
    except ValueError as error:
        raise PluginError(
            "export_pdf", str(error), "correct plugins.export_pdf.logo, or leave it out"
        ) from error
