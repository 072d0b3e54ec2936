"""Why a request is not answered with a picture."""

from __future__ import annotations

from asap_lightning.errors import UserError


class Refusal(UserError):
    """One line for who asked, and the status that goes with it.

    Args:
        status: of HTTP.
        told: what was found, and what was expected.
    """

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


MEANINGS = {
    400: "Not a request that can be read, or a picture that is truncated or damaged",
    408: "The body did not come in time",
    409: "A newer request of the same painter has taken this one's place",
    413: "Too many bytes, or more pixels than are translated",
    415: "Not multipart/form-data, or a file that is no PNG, JPEG or WebP picture",
    422: "A picture that does not fit the model, or an option out of range",
    429: "Too many requests are waiting: come again",
    503: "Not translated in time, or no room, or the server is about to end: come again",
}
"""Status -> what it means here."""
