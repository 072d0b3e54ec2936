"""What a request may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass, fields

from asap_lightning.errors import UserError


@dataclass(frozen=True)
class Limits:
    """Bounds of what one request, and all of them, may take.

    Attributes:
        upload_mb: megabytes of a request's body, its files together.
        megapixels: of one picture, judged by its header before anything is decoded.
        waiting: requests that wait for their turn; one more is answered with 429.
        seconds: of waiting and translating, then 503.
        body_seconds: within which a request's body must have come, else 408.
        connections: at the same time; more are answered with 503.
    """

    upload_mb: float = 32
    megapixels: float = 16
    waiting: int = 16
    seconds: float = 60
    body_seconds: float = 20
    connections: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
                raise UserError(f"limits.{field.name}={value}: a number above 0 was expected")
        for name in ("waiting", "connections"):
            if int(getattr(self, name)) != getattr(self, name):
                raise UserError(f"limits.{name}={getattr(self, name)}: a whole number was expected")

    @property
    def upload_bytes(self) -> int:
        """Of a request's body."""
        return int(self.upload_mb * 1e6)

    @property
    def pixels(self) -> int:
        """Of one picture."""
        return int(self.megapixels * 1e6)
