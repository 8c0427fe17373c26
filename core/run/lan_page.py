"""A page over plain HTTP, in the local network only: how a device learns to trust this installation.

It has nothing but the authority's certificate, which is no secret. Who changes it on the way is found out
by its fingerprint: the terminal shows the right one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from functools import cache
from pathlib import Path

import jinja2
from aiohttp import web
from babel.support import Translations

from core.logs import stream
from core.run.authority import Authority

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT / "core/translations"
CERTIFICATE = "/audimax-authority.crt"


def application(authority: Authority, url: str) -> web.Application:
    """The page and the certificate; ``url`` is what it leads on to."""
    certificate, fingerprint = authority.certificate(), authority.fingerprint()

    async def page(request: web.Request) -> web.Response:
        language, nonce = _language(request), secrets.token_urlsafe(16)
        text = _template(language).render(
            url=url, certificate=CERTIFICATE, fingerprint=fingerprint, language=language, nonce=nonce
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"
        headers = {"Content-Security-Policy": policy, **HEADERS}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def download(_request: web.Request) -> web.Response:
        headers = {"Content-Disposition": f'attachment; filename="{CERTIFICATE[1:]}"', **HEADERS}
        return web.Response(body=certificate, content_type="application/x-x509-ca-cert", headers=headers)

    app = web.Application(client_max_size=1024)
    app.router.add_get("/", page)
    app.router.add_get(CERTIFICATE, download)
    return app


HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def _language(request: web.Request) -> str:
    """The first of the device's languages that we speak."""
    spoken = {path.name for path in CATALOGUES.glob("*") if path.is_dir()}
    for part in request.headers.get("Accept-Language", "")[:200].split(","):
        name = part.partition(";")[0].strip().partition("-")[0].lower()
        if name == "en" or name in spoken:
            return name
    return "en"


@cache
def _template(language: str) -> jinja2.Template:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates/lan"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = Translations.load(str(CATALOGUES), [language])
    made.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    return made.get_template("trust.html")


async def serve(bind: str, port: int, app: web.Application) -> None:
    """Until a signal ends it."""
    stopped = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stopped.set)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=1, keepalive_timeout=15
    )
    await runner.setup()
    await web.TCPSite(runner, bind, port).start()
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    stream.start()
    authority = Authority(Path(os.environ["AUDIMAX_INSTANCE_DIR"]) / "lan")
    bind, port = os.environ["AUDIMAX_BIND"], int(os.environ["AUDIMAX_PORT"])
    asyncio.run(serve(bind, port, application(authority, os.environ["AUDIMAX_PUBLIC_URL"])))


if __name__ == "__main__":
    main()
