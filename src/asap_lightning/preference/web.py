"""The pages and the interface of a study, for participants.

What a page learns: the question, how far it is, and pictures by ``position/place`` of a trial. Not: names of
systems, items or files, which trials watch over attention, or any right answer but a practice trial's, once
it was answered.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answered, Answers, Participant, StudyIsFull
from asap_lightning.preference.session import SIDES, Side
from asap_lightning.preference.study import PICTURES, Study
from asap_lightning.serving.guards import BodyTimeout, SecurityHeaders

log = logging.getLogger(__name__)

MOST_BODY = 1024
"""Bytes of a request; an answer has some forty."""
BODY_SECONDS = 10.0
LONGEST_MILLISECONDS = 24 * 3600 * 1000
ASSETS = {"study.css": "text/css", "study.js": "text/javascript"}
SHUT = "There is nothing here. Please open the link that you were given."


class StudyPages:
    """Answers to requests.

    Args:
        study: what is compared.
        answers: where answers go.
        folder: of the study.
    """

    def __init__(self, study: Study, answers: Answers, folder: Path) -> None:
        self.study, self.answers, self.pictures = study, answers, folder / PICTURES

    def routes(self) -> list[Route]:
        """Where is what."""
        return [
            Route("/assets/{name}", self.asset),
            Route("/join/{token}/", self.join_page),
            Route("/join/{token}/", self.join, methods=["POST"]),
            Route("/p/{token}/", self.page),
            Route("/p/{token}/state", self.state),
            Route("/p/{token}/{position:int}", self.answer, methods=["POST"]),
            Route("/p/{token}/{position:int}/{place}", self.picture),
        ]

    def asset(self, request: Request) -> Response:
        """Style and script."""
        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404)
        return Response(asset(name), media_type=ASSETS[name])

    def join_page(self, request: Request) -> Response:
        """The invitation."""
        self._require_invited(request)
        return Response(asset("join.html"), media_type="text/html")

    def join(self, request: Request) -> Response:
        """A session of one's own."""
        self._require_invited(request)
        try:
            joined = self.answers.join()
        except StudyIsFull as error:
            raise HTTPException(403, "As many people as were needed take part already. Thank you.") from error
        return RedirectResponse(f"../../p/{joined.token}/", status_code=303)

    def _require_invited(self, request: Request) -> None:
        if request.path_params["token"] != self.study.token:
            raise HTTPException(404)

    def _participant(self, request: Request) -> Participant:
        found = self.answers.participant(request.path_params["token"])
        if found is None:
            raise HTTPException(404)
        return found

    def page(self, request: Request) -> Response:
        """The page of a session."""
        self._participant(request)
        return Response(asset("session.html"), media_type="text/html")

    def state(self, request: Request) -> Response:
        """How far the session is, and what comes next."""
        return JSONResponse(self._state(self._participant(request)))

    def _state(self, participant: Participant) -> dict[str, Any]:
        session = self.answers.session(participant)
        done = sum(one.choice is not None for one in session)
        following = [_public(one) for one in session[done : done + 2]]
        return {
            "title": self.study.title,
            "question": self.study.protocol.question,
            "seconds": self.study.protocol.seconds,
            "practice": sum(one.trial.kind == "practice" for one in session),
            "total": len(session),
            "answered": done,
            "trial": following[0] if following else None,
            "next": following[1] if len(following) > 1 else None,
            "code": None if following else participant.code,
        }

    def picture(self, request: Request) -> Response:
        """A picture of a trial that was answered, is open, or comes next."""
        session = self.answers.session(self._participant(request))
        position = request.path_params["position"]
        done = sum(one.choice is not None for one in session)
        if not 0 <= position < min(len(session), done + 2):
            raise HTTPException(404)
        file = session[position].trial.picture(request.path_params["place"])
        if file is None or file not in self.study.owners.keys() | set(self.study.conditions):
            raise HTTPException(404)
        headers = {"Cache-Control": "private, max-age=86400"}
        return Response((self.pictures / file).read_bytes(), media_type="image/png", headers=headers)

    async def answer(self, request: Request) -> Response:
        """Keeps a choice; what is acknowledged is on the disk."""
        participant = await run_in_threadpool(self._participant, request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "application/json was expected")
        try:
            choice, milliseconds = parse_answer(await request.body())
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        return await run_in_threadpool(
            self._keep, participant, request.path_params["position"], choice, milliseconds
        )

    def _keep(self, participant: Participant, position: int, choice: Side, milliseconds: int) -> Response:
        session = self.answers.session(participant)
        if position >= len(session):
            raise HTTPException(404)
        if not self.answers.add(participant, position, choice, milliseconds):
            raise HTTPException(409, "this question has another answer, or its turn has not come")
        trial = session[position].trial
        expected = trial.expected if trial.kind == "practice" else None
        return JSONResponse({"expected": expected, "state": self._state(participant)})


def parse_answer(body: bytes) -> tuple[Side, int]:
    """Choice and milliseconds of ``{"choice": "left", "milliseconds": 812}``.

    Raises:
        HTTPException: 422 for anything else.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and content.keys() == {"choice", "milliseconds"}:
        choice, milliseconds = content["choice"], content["milliseconds"]
        if choice in SIDES and type(milliseconds) is int and 0 <= milliseconds <= LONGEST_MILLISECONDS:
            return cast(Side, choice), milliseconds
    raise HTTPException(422, '{"choice": "left" or "right", "milliseconds": a whole number} was expected')


def _public(answered: Answered) -> dict[str, Any]:
    places = [place for place in ("condition", *SIDES) if answered.trial.picture(place) is not None]
    return {
        "position": answered.position,
        "practice": answered.trial.kind == "practice",
        "places": places,
    }


def asset(name: str) -> bytes:
    """A file of the page."""
    return (resources.files("asap_lightning.preference") / "assets" / name).read_bytes()


def _refused(request: Request, error: Exception) -> Response:
    """A plain sentence; of what is not there nothing but that."""
    assert isinstance(error, HTTPException)
    told = SHUT if error.status_code == 404 else error.detail
    return PlainTextResponse(told, status_code=error.status_code, headers=error.headers)


def _not_now(request: Request, error: Exception) -> Response:
    """A full disk, a lock, a damaged file: nothing is acknowledged, and the page tries again."""
    log.error("the answers cannot be used now: %s", error)
    return PlainTextResponse("Please try again later.", status_code=503)


def make_app(
    study: Study, answers: Answers, folder: Path, *, body_seconds: float = BODY_SECONDS
) -> Starlette:
    """The web application of a study.

    Args:
        study: what is compared.
        answers: where answers go.
        folder: of the study.
        body_seconds: how long the body of a request may take to come.
    """
    application = Starlette(
        routes=StudyPages(study, answers, folder).routes(),
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(BodyTimeout, seconds=body_seconds),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BODY),
        ],
        exception_handlers={
            HTTPException: _refused,
            sqlite3.DatabaseError: _not_now,
            UserError: _not_now,
        },
    )
    application.router.redirect_slashes = False  # would tell the address by the request's Host
    return application
