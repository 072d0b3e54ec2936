"""The interface over HTTP: ``POST /translate``, ``GET /model``, ``/health``, ``/metrics``."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Request, Response, UploadFile
from pydantic import BaseModel

from asap_lightning.app.card import ModelCard
from asap_lightning.app.desk import Desk
from asap_lightning.app.limits import Limits
from asap_lightning.app.measured import CONTENT_TYPE, Measured
from asap_lightning.app.refusals import MEANINGS, Refusal
from asap_lightning.app.translating import Wish, translated
from asap_lightning.app.uploads import require_picture
from asap_lightning.data.source import StoredFile
from asap_lightning.inference.translator import Translator

LARGEST_SEED = 2**31 - 1


_REFUSED = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}


class Health(BaseModel):
    """Whether requests are taken."""

    status: str
    model: str


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


async def _require_form(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Refusal(415, f"the body is {kind or 'of no declared type'}: multipart/form-data was expected")


def _refusals() -> dict[int | str, dict[str, Any]]:
    """For OpenAPI; what guards answer before the application is reached is plain text."""
    plain = {408, 413, 503}
    retry = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return {
        status: {
            "description": meaning,
            "content": {
                "application/json": {"schema": _REFUSED},
                **({"text/plain": {"schema": {"type": "string"}}} if status in plain else {}),
            },
            **({"headers": retry} if status in (429, 503) else {}),
        }
        for status, meaning in MEANINGS.items()
    }


def make_router(
    translator: Translator, card: ModelCard, limits: Limits, desk: Desk, measured: Measured
) -> APIRouter:
    """The routes.

    Args:
        translator: the loaded model.
        card: what is said of it.
        limits: of requests.
        desk: where they wait.
        measured: what is counted.
    """
    router = APIRouter()
    about = card.as_dict("server", limits.pixels) | {
        "limits": {
            "upload_bytes": limits.upload_bytes,
            "pixels": limits.pixels,
            "waiting": limits.waiting,
            "seconds": limits.seconds,
        }
    }

    async def stored(upload: UploadFile | None, name: str) -> StoredFile | None:
        if upload is None:
            return None
        file = StoredFile(name, await upload.read())  # the name that was sent is not used
        require_picture(file, limits.pixels)
        return file

    @router.post(
        "/translate",
        response_class=PngResponse,
        responses={200: {"description": "The picture, as large as what was sent"}, **_refusals()},
        dependencies=[Depends(_require_form)],
    )
    async def translate(
        request: Request,
        image: Annotated[
            UploadFile, File(description="label map (PNG: class ids or the classes' colours), photo or depth")
        ],
        guide: Annotated[UploadFile | None, File(description="photo whose style is taken")] = None,
        instance: Annotated[UploadFile | None, File(description="instance map, if one is used")] = None,
        seed: Annotated[int, Form(ge=0, le=LARGEST_SEED, description="of what the model draws")] = 0,
        painter_id: Annotated[
            str | None,
            Header(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="of one painter the newest request wins"),
        ] = None,
    ) -> Response:
        """Translates one picture."""
        file = await stored(image, "image")
        assert file is not None
        wish = Wish(file, await stored(guide, "guide"), await stored(instance, "instance"), seed)
        began = time.perf_counter()
        made = await desk.ask(lambda: translated(wish, translator, card), request.is_disconnected, painter_id)
        seconds = {"wait": time.perf_counter() - began - sum(made.seconds.values()), **made.seconds}
        for step, took in seconds.items():
            measured.seconds.labels(step).observe(max(0.0, took))
        measured.pixels.inc(made.pixels)
        timing = ", ".join(f"{step};dur={1000 * took:.1f}" for step, took in seconds.items())
        return PngResponse(made.png, headers={"Server-Timing": timing})

    @router.get("/model")
    async def model() -> dict[str, Any]:
        """What the model takes: kind, classes with names and colours, sizes, limits."""
        return about

    @router.get("/health", responses={503: {"description": "no requests are taken", "model": Health}})
    async def health(response: Response) -> Health:
        """Whether requests are taken."""
        if not desk.open:
            response.status_code = 503
        return Health(status="ok" if desk.open else "ending", model=card.title)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters in the text format of Prometheus."""
        return Response(measured.text(), media_type=CONTENT_TYPE)

    return router
