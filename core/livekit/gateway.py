"""The gate as a process: asks the web whether somebody may connect, then pumps their signalling.

It keeps running while the web restarts, so that nobody's connection is cut by that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from yarl import URL

from core.config import load
from core.logs import stream

log = logging.getLogger(__name__)

PATHS = frozenset({"/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate"})
LARGEST_LINE = 128 * 1024
LARGEST_HEADER = 16 * 1024
LARGEST_FROM_PEOPLE = 4 * 2**20
LARGEST_FROM_LIVEKIT = 16 * 2**20
CONNECTIONS = 10_000
QUESTIONS = 100
ASK_SECONDS = 6.0
CONNECT_SECONDS = 10.0
# Who doesn't read for so long is cut off rather than buffered for.
SEND_SECONDS = 30.0
STOP_SECONDS = 3.0
# Codes that mean "no close frame came" and can't be sent in one.
UNSENDABLE = frozenset({1005, 1006, 1015})

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


@dataclass(frozen=True)
class Place:
    """Where the gateway listens, whom it asks, and what is behind it."""

    bind: str
    port: int
    asks: str
    livekit: str
    public_host: str
    origin: str


@dataclass(frozen=True)
class Ruling:
    """The web's answer to a connect; ``authorization`` is set where it may pass."""

    status: int
    authorization: str = ""
    retry_after: str = ""
    words: str = ""


DOWN = Ruling(503, retry_after="2", words="The server is busy. Trying again.")


class Gateway:
    """One server for signalling; ``run`` serves until a signal ends it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._open: set[web.WebSocketResponse] = set()
        self._questions = asyncio.Semaphore(QUESTIONS)
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        stopped = asyncio.Event()
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, stopped.set)
        async with self._client() as self._session:
            runner = await self._serve()
            log.info("the gate answers on %s port %d", self._place.bind, self._place.port)
            await stopped.wait()
            await self._say_goodbye()
            await runner.cleanup()

    def _client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def _serve(self) -> web.AppRunner:
        app = web.Application(client_max_size=1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=STOP_SECONDS,
            keepalive_timeout=15,
            max_line_size=LARGEST_LINE,
            max_field_size=LARGEST_HEADER,
        )
        await runner.setup()
        await web.TCPSite(runner, self._place.bind, self._place.port, backlog=1024).start()
        return runner

    async def _say_goodbye(self) -> None:
        going = (_close(socket, 1012) for socket in list(self._open))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*going, return_exceptions=True)

    # --- one request ------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        if path == "/" and request.method == hdrs.METH_HEAD:
            # livekit-client asks so whether the network is back, before it tries to connect.
            return self._readable(web.Response())
        if path not in PATHS or request.method != hdrs.METH_GET:
            return web.Response(status=404)
        if path.endswith("/validate"):
            return await self._validate(request)
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return web.Response(status=404)
        return await self._connect(request)

    async def _validate(self, request: web.Request) -> web.Response:
        ruling = await self._ask(request)
        if ruling.status == 200:
            ruling = await self._validate_at_livekit(request, ruling)
        return self._readable(self._refusal(ruling))

    def _readable(self, answer: web.Response) -> web.Response:
        """Without this the browser sees no status, and a banned page would try for ever."""
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = self._place.origin
        answer.headers[hdrs.VARY] = hdrs.ORIGIN
        return answer

    async def _validate_at_livekit(self, request: web.Request, ruling: Ruling) -> Ruling:
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=CONNECT_SECONDS, sock_connect=2)
        try:
            async with self._session.get(
                self._behind(request, "http"), headers=self._headers(request, ruling), timeout=timeout
            ) as answer:
                return Ruling(answer.status, words=(await answer.text())[:500])
        except (aiohttp.ClientError, TimeoutError):
            return DOWN

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if len(self._open) >= CONNECTIONS:
            log.warning("the gate is full: %d connections", CONNECTIONS)
            return self._refusal(DOWN)
        ruling = await self._ask(request)
        if ruling.status != 200:
            return self._refusal(ruling)
        upstream = await self._at_livekit(request, ruling)
        if isinstance(upstream, Ruling):
            return self._refusal(upstream)
        return await self._join(request, upstream)

    async def _at_livekit(
        self, request: web.Request, ruling: Ruling
    ) -> aiohttp.ClientWebSocketResponse | Ruling:
        assert self._session is not None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._session.ws_connect(
                    self._behind(request, "ws"),
                    headers=self._headers(request, ruling),
                    max_msg_size=LARGEST_FROM_LIVEKIT,
                    autoclose=False,
                    autoping=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            return Ruling(error.status, words=error.message[:200])
        except (aiohttp.ClientError, TimeoutError):
            return DOWN

    async def _join(
        self, request: web.Request, upstream: aiohttp.ClientWebSocketResponse
    ) -> web.WebSocketResponse:
        down = web.WebSocketResponse(
            max_msg_size=LARGEST_FROM_PEOPLE, autoclose=False, autoping=False, compress=False
        )
        try:
            await down.prepare(request)
            self._open.add(down)
            await _pump_both(request, down, upstream)
        finally:
            self._open.discard(down)
            await _close(upstream, 1000)
        return down

    # --- the question -----------------------------------------------------------------

    async def _ask(self, request: web.Request) -> Ruling:
        """What the web says to this connect; 503 while it doesn't answer."""
        assert self._session is not None
        if len(request.headers.getall(hdrs.AUTHORIZATION, [])) > 1:
            return Ruling(400, words="More than one token.")
        try:
            async with (
                asyncio.timeout(ASK_SECONDS),
                self._questions,
                self._session.get(
                    self._place.asks, headers=self._question(request), allow_redirects=False
                ) as answer,
            ):
                return _ruling(answer, await answer.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("the web doesn't answer the gate: %r", error)
            return DOWN

    def _question(self, request: web.Request) -> dict[str, str]:
        asked = {
            hdrs.HOST: self._place.public_host,
            "X-Forwarded-Method": request.method,
            "X-Forwarded-Uri": without_offer(request.raw_path),
        }
        if hdrs.AUTHORIZATION in request.headers:
            asked[hdrs.AUTHORIZATION] = request.headers[hdrs.AUTHORIZATION]
        return asked

    def _headers(self, request: web.Request, ruling: Ruling) -> dict[str, str]:
        return {
            hdrs.AUTHORIZATION: ruling.authorization,
            hdrs.USER_AGENT: request.headers.get(hdrs.USER_AGENT, "")[:500],
            "X-Forwarded-For": request.remote or "",
        }

    def _behind(self, request: web.Request, scheme: str) -> URL:
        return URL(f"{scheme}{self._place.livekit}{request.raw_path}", encoded=True)

    def _refusal(self, ruling: Ruling) -> web.Response:
        headers = {"Retry-After": ruling.retry_after} if ruling.retry_after else {}
        return web.Response(status=ruling.status, text=ruling.words, headers=headers)


def without_offer(raw_path: str) -> str:
    """The address without ``join_request``: its media offer can be longer than a header may be."""
    path, mark, query = raw_path.partition("?")
    return path + mark + "&".join(pair for pair in query.split("&") if not pair.startswith("join_request="))


def _ruling(answer: aiohttp.ClientResponse, words: str) -> Ruling:
    authorization = answer.headers.get(hdrs.AUTHORIZATION, "")
    if answer.status == 200 and authorization:
        return Ruling(200, authorization)
    if answer.status in (400, 401, 403, 404):
        return Ruling(answer.status, words=words[:500])
    # Redirects, 5xx and a 200 that isn't the endpoint's: nobody has said yes.
    return Ruling(503, retry_after=answer.headers.get("Retry-After", "2"), words=words[:500])


# --- pumping --------------------------------------------------------------------------


async def _pump_both(request: web.Request, down: web.WebSocketResponse, up: Socket) -> None:
    """Carry messages both ways until one side ends, then end the other in the same way."""
    outward, inward = asyncio.create_task(_pump(up, down)), asyncio.create_task(_pump(down, up))
    try:
        await asyncio.wait({outward, inward}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (outward, inward):
            task.cancel()
        codes = await asyncio.gather(outward, inward, return_exceptions=True)
    if isinstance(codes[0], int) or isinstance(codes[1], int):
        code, other = (codes[0], down) if isinstance(codes[0], int) else (codes[1], up)
        await _close(other, int(code))  # type: ignore[arg-type]
        await _close(up if other is down else down, int(code))  # type: ignore[arg-type]
    elif request.transport is not None:
        # LiveKit, or the person, went without a word; so does the other side.
        request.transport.abort()


async def _pump(source: Socket, sink: Socket) -> int | None:
    """Carry messages; returns the code of the close frame that ended it, if one did."""
    while True:
        message = await source.receive()
        if message.type is WSMsgType.CLOSE:
            return _sendable(message.data)
        if message.type in (WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return None
        async with asyncio.timeout(SEND_SECONDS):
            await _carry(message, sink)


async def _carry(message: aiohttp.WSMessage, sink: Socket) -> None:
    if message.type is WSMsgType.BINARY:
        await sink.send_bytes(message.data)
    elif message.type is WSMsgType.TEXT:
        await sink.send_str(message.data)
    # Pings pass through, so that each end learns whether the other one lives.
    elif message.type is WSMsgType.PING:
        await sink.ping(message.data)
    elif message.type is WSMsgType.PONG:
        await sink.pong(message.data)


def _sendable(code: int | None) -> int | None:
    if code in UNSENDABLE:
        return None
    return code or 1000


async def _close(socket: Socket, code: int) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(STOP_SECONDS):
            await socket.close(code=code)


# --- start ----------------------------------------------------------------------------


def place_from_environment() -> Place:
    """The settings of the product, and the gate's own three variables."""
    made = load()
    port = int(os.environ.get("AUDIMAX_GATE_PORT", "8001"))
    asks = os.environ.get("AUDIMAX_GATE_ASKS", "http://127.0.0.1:8000/api/internal/livekit/connect")
    livekit = urlsplit(made.livekit_api_url)
    secure = "s" if livekit.scheme in ("https", "wss") else ""
    return Place(
        bind=os.environ.get("AUDIMAX_GATE_BIND", "127.0.0.1"),
        port=port,
        asks=asks,
        livekit=f"{secure}://{livekit.netloc}{livekit.path.rstrip('/')}",
        public_host=urlsplit(made.public_url).netloc,
        origin=made.origin,
    )


def main() -> None:
    stream.start()
    asyncio.run(Gateway(place_from_environment()).run())


if __name__ == "__main__":
    main()
