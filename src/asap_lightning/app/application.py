"""The web application: page and interface behind their guards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from asap_lightning import __version__
from asap_lightning.app.api import make_router
from asap_lightning.app.card import ModelCard
from asap_lightning.app.desk import Desk
from asap_lightning.app.limits import Limits
from asap_lightning.app.measured import CountAnswers, Measured
from asap_lightning.app.refusals import Refusal
from asap_lightning.inference.translator import Translator
from asap_lightning.serving.guards import HEADERS, BodyTimeout, SecurityHeaders

PAGE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
    "data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def make_app(
    translator: Translator,
    card: ModelCard,
    *,
    limits: Limits | None = None,
    origins: Sequence[str] = (),
) -> FastAPI:
    """The application of one model.

    Args:
        translator: the loaded model.
        card: what is said of it.
        limits: of requests.
        origins: sites whose pages may use the interface (CORS); none by default.
    """
    limits = limits or Limits()
    desk = Desk(limits.waiting, limits.seconds)
    measured = Measured(lambda: desk.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        await desk.close()

    app = FastAPI(
        title="asap-lightning",
        summary="Image translation by one model",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere; the description is at /openapi.json
        redoc_url=None,
        middleware=[
            Middleware(SecurityHeaders, headers=PAGE_HEADERS),
            *_cors(origins),
            Middleware(CountAnswers, measured=measured),
            Middleware(BodyTimeout, seconds=limits.body_seconds),
            Middleware(RequestBodyLimitMiddleware, max_body_size=limits.upload_bytes),
        ],
        exception_handlers={
            Refusal: _refused,
            RequestValidationError: _invalid,
            HTTPException: _http,
        },
    )
    app.router.redirect_slashes = False  # would tell the address by the request's Host
    router = make_router(translator, card, limits, desk, measured)
    app.include_router(router)
    taken = {route.path for route in router.routes if isinstance(route, Route)}
    app.router.routes.append(_Page({*taken, str(app.openapi_url)}))
    return app


class _Page(Mount):
    """The page's files; the interface's own addresses are left alone, whatever the method.

    Args:
        taken: those addresses.
    """

    def __init__(self, taken: set[str]) -> None:
        folder = str(files("asap_lightning.app") / "static")
        super().__init__("/", app=StaticFiles(directory=folder, html=True), name="page")
        self.taken = taken

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if scope.get("path") in self.taken else super().matches(scope)


def _cors(origins: Sequence[str]) -> list[Middleware]:
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Painter-Id"],
            expose_headers=["Server-Timing", "Retry-After"],
        )
    ]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {"Retry-After": "1"} if error.status in (429, 503) else None
    return JSONResponse({"detail": str(error)}, error.status, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """The first mistake in a line: which field, and what is wrong with it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return JSONResponse({"detail": f"{field}: {first['msg']}"}, 422)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
