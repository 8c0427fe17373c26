"""xhtml2pdf behind its own walls: it may read the fonts that were chosen, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from xhtml2pdf import pisa
from xhtml2pdf.config.resources import RenderLimitError, ResourceAccessPolicy

from plugins.export_pdf import corrections

MB = 1024 * 1024
SECONDS = 120

corrections.correct()


def render(html: str, fonts: Sequence[Path], meta: Mapping[str, str]) -> bytes:
    """The PDF. Raises ``ValueError`` with words for the person where it would become too large."""
    allowed = {str(path) for path in fonts}
    made = BytesIO()
    try:
        done = pisa.CreatePDF(
            html.encode("utf-8"),
            dest=made,
            encoding="utf-8",
            context_meta=dict(meta),
            link_callback=lambda uri, _base: uri if uri in allowed or uri.startswith("data:image/") else "",
            resource_policy=_policy(fonts),
        )
    except RenderLimitError as error:
        raise ValueError(f"the document is too large for a PDF: {error}") from error
    if done.err:
        raise RuntimeError(f"xhtml2pdf reports {done.err} errors")
    return made.getvalue()


def _policy(fonts: Sequence[Path]) -> ResourceAccessPolicy:
    return ResourceAccessPolicy.server(
        None,
        allow_remote=False,
        extra_roots=tuple(fonts),
        max_local_bytes=64 * MB,
        max_total_bytes=512 * MB,
        max_document_bytes=64 * MB,
        max_render_seconds=SECONDS,
    )
