"""`/webhooks/NAME`: what a CRM's vendor says happened. Signature checked, events stored, answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from ros_sync.connectors.webhooks import SignatureCheck, WebhookReceiver
from ros_sync.errors import RosSyncError

log = structlog.stdlib.get_logger(__name__)

TOLD_SECONDS = 60.0  # from one line about refused requests to the next
RETRY_SECONDS = 30  # told to the vendor, which tries again by its own plan anyway


def path_of(vendor: str) -> str:
    """Where a vendor's webhooks are taken."""
    return f"/webhooks/{vendor}"


def add_webhooks(app: FastAPI, vendor: str, receiver: WebhookReceiver) -> None:
    """Let the application take a vendor's webhooks.

    401 for whatever the vendor did not sign just now, 400 for a signed body that cannot be read, 413 for one that is
    too large, 503 where it cannot be stored: then it is sent again.
    """
    refusals = Refusals()

    async def receive(request: Request) -> Response:
        body = await _signed_body(request, receiver, refusals)
        if isinstance(body, Response):
            return body
        try:
            events = await run_in_threadpool(receiver.read, body)
            new = await run_in_threadpool(receiver.keep, events)
        except ValueError as error:
            log.warning("webhook_unreadable", reason=str(error))
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except (SQLAlchemyError, RosSyncError, OSError) as error:
            log.error("webhook_not_stored", kind=type(error).__name__)  # noqa: TRY400  # the kind says it
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_SECONDS)})
        log.info("webhook_stored", events=len(events), new=new, others=events.others)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    app.add_api_route(path_of(vendor), receive, methods=["POST"], include_in_schema=False)


class Refusals:
    """Tells of requests that are refused: the first of a kind at once, then once a minute how many more there were.

    Whoever sends forged requests by the thousand is to fill no disk. `later` calls something in so many seconds.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._later = later or (lambda seconds, tell: asyncio.get_running_loop().call_later(seconds, tell))
        self._more: dict[SignatureCheck, int] = {}  # since the last line

    def note(self, verdict: SignatureCheck) -> Response:
        """Count a request that is refused; the answer to it."""
        if verdict in self._more:
            self._more[verdict] += 1
        else:
            log.warning("webhook_refused", reason=verdict.reason, version=verdict.version)
            if not self._more:
                self._later(TOLD_SECONDS, self._tell)
            self._more[verdict] = 0
        return Response(status_code=HTTPStatus.UNAUTHORIZED)

    def _tell(self) -> None:
        """What came meanwhile; a kind of which nothing came is told anew when it comes again."""
        for verdict, more in self._more.items():
            if more:
                log.warning("webhook_refused", reason=verdict.reason, version=verdict.version, more=more)
        self._more = {verdict: 0 for verdict, more in self._more.items() if more}
        if self._more:
            self._later(TOLD_SECONDS, self._tell)


async def _signed_body(request: Request, receiver: WebhookReceiver, refusals: Refusals) -> bytes | Response:
    """The body of a request that the vendor signed, or the answer to another. A stranger's may not even be taken."""
    headers = dict(request.headers)
    verifier = receiver.verifier
    if stranger := verifier.refusal(headers, receiver.now()):
        return refusals.note(stranger)
    if _declared(headers) > verifier.max_body_bytes:
        return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        body = await _body(request, verifier.max_body_bytes)
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # to nobody: it has gone, or was dropped for its slowness
    if body is None:
        return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    uri = _uri(request, receiver.public_url)
    verdict = verifier.verify(method=request.method, uri=uri, body=body, headers=headers, now=receiver.now())
    return body if verdict.ok else refusals.note(verdict)


def _declared(headers: Mapping[str, str]) -> int:
    """The length that a request says its body has; 0 where it says none. The server has let no other words pass."""
    return int(headers.get("content-length", "0"))


async def _body(request: Request, max_bytes: int) -> bytes | None:
    """The body as it came; None where it is larger than anything that the vendor sends."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > max_bytes:
                return None
        return bytes(body)
    finally:
        body.clear()  # the request of a peer that has gone may be collected late


def _uri(request: Request, public_url: str | None) -> str:
    """The address that was called, as it was written: nothing in it is decoded or put in order.

    Starlette's own `request.url` cannot be asked: it raises where the query is no UTF-8.
    """
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string") or b""
    base = public_url or f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return base + path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
