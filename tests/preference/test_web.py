"""The pages and the interface, in the test's own process."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from asap_lightning.data.reading import read_photo
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import PICTURES
from asap_lightning.preference.web import make_app

from .conftest import Made

GOOD = {"choice": "left", "milliseconds": 900}


@pytest.fixture
def client(answers: Answers) -> Iterator[TestClient]:
    with TestClient(make_app(answers.study, answers, answers.path.parent), follow_redirects=False) as client:
        yield client


@pytest.fixture
def session(client: TestClient, answers: Answers) -> str:
    """The address of a new session."""
    joined = client.post(f"/join/{answers.study.token}/")
    assert joined.status_code == 303
    found = re.fullmatch(r"\.\./\.\./(p/[\w-]{24}/)", joined.headers["location"])
    assert found is not None
    return f"/{found[1]}"


def test_a_session_from_the_link_to_the_end(client: TestClient, session: str, answers: Answers) -> None:
    assert "Take part" in client.get(f"/join/{answers.study.token}/").text
    page = client.get(session)
    assert page.status_code == 200 and "study.js" in page.text
    state = client.get(f"{session}state").json()
    for position in range(10):
        assert (state["answered"], state["total"], state["trial"]["position"]) == (position, 10, position)
        assert state["trial"]["practice"] == (position < 2)
        said = client.post(f"{session}{position}", json=GOOD)
        assert said.status_code == 200
        assert (said.json()["expected"] is not None) == (position < 2), "only practice is told"
        state = said.json()["state"]
    (joined,) = answers.participants()
    assert state["trial"] is None and state["code"] == joined.code
    assert [one.choice for one in answers.session(joined)] == 10 * ["left"]
    assert client.get(f"{session}state").json() == state


def test_pictures_are_those_of_the_trial(client: TestClient, session: str, answers: Answers) -> None:
    (joined,) = answers.participants()
    trial = answers.session(joined)[0].trial
    for place in ("left", "right", "condition"):
        got = client.get(f"{session}0/{place}")
        file = trial.picture(place)
        assert file is not None and got.headers["content-type"] == "image/png"
        pixels = np.asarray(Image.open(io.BytesIO(got.content)))
        assert np.array_equal(pixels, read_photo(answers.path.parent / PICTURES / file))
        assert "etag" not in got.headers and "last-modified" not in got.headers
    assert client.get(f"{session}1/left").status_code == 200, "the next one can be loaded before"
    assert client.get(f"{session}2/left").status_code == 404
    for place in ("middle", "..%2f..%2fstudy.json", "left/"):
        assert client.get(f"{session}0/{place}").status_code == 404


def test_identities_do_not_leak(client: TestClient, session: str, answers: Answers, tmp_path: Path) -> None:
    """Not into pages, states, headers or pictures: names of systems, items, files, kinds of trials."""
    told = []
    for position in range(10):
        addresses = ["", "state", f"{position}/left", f"{position}/right", f"{position}/condition"]
        told += [client.get(f"{session}{address}") for address in addresses]
        told.append(client.post(f"{session}{position}", json=GOOD))
    told += [client.get(f"/assets/{name}") for name in ("study.js", "study.css")]
    secrets = {*answers.study.systems, "vigilance", 'main"', str(tmp_path), *answers.study.owners}
    for answer in told:
        assert answer.status_code == 200
        said = answer.content + repr(answer.headers).encode()
        for secret in secrets:
            assert secret.encode() not in said, (answer.url, secret)


def test_headers_of_every_answer(client: TestClient, session: str) -> None:
    for address in (session, f"{session}state", f"{session}0/left", "/", "/assets/study.js", "/nothing"):
        headers = client.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert headers["cache-control"] == ("private, max-age=86400" if "left" in address else "no-store")


def test_pages_load_nothing_from_elsewhere(client: TestClient, session: str, answers: Answers) -> None:
    pages = [client.get(session), client.get(f"/join/{answers.study.token}/")]
    pages += [client.get("/assets/study.js"), client.get("/assets/study.css")]
    for page in pages:
        assert not re.search(r"https?:|//[a-z]|<script>|<style>| on[a-z]+=| style=", page.text), page.url


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/p/",
        "/join/" + "A" * 24 + "/",
        "/p/" + "A" * 24 + "/",
        "/p/" + "A" * 24 + "/state",
        "/p/" + "A" * 24 + "/0/left",
        "/assets/..%2fweb.py",
        "/study.json",
        "/answers.sqlite",
    ],
)
def test_what_nobody_was_given_is_not_there(client: TestClient, address: str) -> None:
    got = client.get(address)
    assert (got.status_code, got.text) == (
        404,
        "There is nothing here. Please open the link that you were given.",
    )


def test_the_invitation_is_no_session_and_the_reverse(
    client: TestClient, session: str, answers: Answers
) -> None:
    own = session.split("/")[2]
    assert client.get(f"/p/{answers.study.token}/").status_code == 404
    assert client.get(f"/join/{own}/").status_code == client.post(f"/join/{own}/").status_code == 404


def test_answers_that_are_refused(client: TestClient, session: str, answers: Answers) -> None:
    assert client.post(f"{session}1", json=GOOD).status_code == 409, "its turn has not come"
    assert client.post(f"{session}10", json=GOOD).status_code == 404, "there is no such trial"
    assert client.post(f"{session}-1", json=GOOD).status_code == 404
    assert client.post("/p/" + "A" * 24 + "/0", json=GOOD).status_code == 404, "nobody's link"
    assert client.post(f"{session}0", json=GOOD).status_code == 200
    assert client.post(f"{session}0", json=GOOD).status_code == 200, "the same once more"
    assert client.post(f"{session}0", json=GOOD | {"choice": "right"}).status_code == 409
    assert client.get(f"{session}0").status_code == 405
    (joined,) = answers.participants()
    assert [one.choice for one in answers.session(joined)][:2] == ["left", None]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"left",
        b"[]",
        b"null",
        b'{"choice": "left"}',
        b'{"choice": "up", "milliseconds": 1}',
        b'{"choice": ["left"], "milliseconds": 1}',
        b'{"choice": "left", "milliseconds": -1}',
        b'{"choice": "left", "milliseconds": 1.5}',
        b'{"choice": "left", "milliseconds": true}',
        b'{"choice": "left", "milliseconds": 1e999}',
        b'{"choice": "left", "milliseconds": 1, "participant": 0}',
        b"[" * 900,
        b"\xff\xfe",
    ],
)
def test_bodies_that_are_no_answer(client: TestClient, session: str, answers: Answers, body: bytes) -> None:
    said = client.post(f"{session}0", content=body, headers={"content-type": "application/json"})
    assert said.status_code == 422
    assert all(one.choice is None for one in answers.everything())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_other_content_types(client: TestClient, session: str, kind: str) -> None:
    body = b'{"choice": "left", "milliseconds": 1}'
    assert client.post(f"{session}0", content=body, headers={"content-type": kind}).status_code == 415


def test_large_bodies(client: TestClient, session: str) -> None:
    json = {"content-type": "application/json"}
    assert client.post(f"{session}0", content=b" " * 1025, headers=json).status_code == 413
    parts = (b" " * 100 for _ in range(20))  # chunked: no length is declared
    assert client.post(f"{session}0", content=parts, headers=json).status_code == 413


def test_a_full_disk_is_told_and_nothing_is_acknowledged(
    client: TestClient, session: str, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.post(f"{session}0", json=GOOD).status_code == 200
    monkeypatch.setattr(
        answers, "add", lambda *given: answers._file.execute("INSERT INTO nowhere VALUES (1)")
    )
    assert client.post(f"{session}1", json=GOOD).status_code == 503
    monkeypatch.undo()
    answers._file.execute(f"PRAGMA max_page_count={answers._one('PRAGMA page_count')[0]}")
    codes = [client.post(f"/join/{answers.study.token}/").status_code for _ in range(40)]
    assert codes[-1] == 503 and len(answers.participants()) == 1 + codes.count(303)


def test_enough_people(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    study = replace(study, participants=1)
    with Answers(folder / "answers.sqlite", study) as answers:
        client = TestClient(make_app(study, answers, folder), follow_redirects=False)
        assert client.post(f"/join/{study.token}/").status_code == 303
        full = client.post(f"/join/{study.token}/")
        assert full.status_code == 403 and "take part already" in full.text


def test_a_body_that_does_not_come(answers: Answers) -> None:
    """Asked of the application itself: a client that has sent half of its request."""
    import asyncio

    app, joined, sent = (
        make_app(answers.study, answers, answers.path.parent, body_seconds=0.05),
        answers.join(),
        [],
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/p/{joined.token}/0",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    parts = [{"type": "http.request", "body": b'{"choi', "more_body": True}]

    async def receive():
        if parts:
            return parts.pop()
        await asyncio.Event().wait()

    async def send(message) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), 20))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert answers.session(joined)[0].choice is None
