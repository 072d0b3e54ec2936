"""What may be right and often is not: pictures that a rotation or a wrong range of values has spoilt."""

from __future__ import annotations

from dataclasses import dataclass, field

from asap_lightning.data.header import UPRIGHT, read_header
from asap_lightning.data.sample import Sample
from asap_lightning.wording import counted, listed

DARK = 64
"""Brightest value of 255 below which a picture is called dark: 14 bits in a file of 16 reach 63.7."""
_BY_RANGE = ("photo", "image")


@dataclass(frozen=True)
class Observation:
    """Of one pair.

    Attributes:
        turned: the file that its EXIF orientation turns and its partner's does not, and how.
        dark: the picture whose values are all small, and the greatest of 255.
        wide: whether that file has 16 bits a channel.
    """

    turned: tuple[str, str] | None = None
    dark: tuple[str, int] | None = None
    wide: bool = False


def observe(sample: Sample) -> Observation:
    """Looks at a pair that was read, and at the headers of its files."""
    headers = {name: header for name, path in sample.paths.items() if (header := read_header(path))}
    turned = None
    one_file = len(headers) > 1 and len({str(sample.paths[name]) for name in headers}) == 1
    if one_file or len({header.orientation for header in headers.values()}) > 1:
        name = next((n for n, header in headers.items() if header.orientation != UPRIGHT), None)
        turned = (str(sample.paths[name]), headers[name].turn) if name is not None else None
    for name in _BY_RANGE:
        pixels = sample.arrays.get(name)
        wide = name in headers and headers[name].wide
        # A condition may be dark on purpose, as in the brightening of photos; not so in 16 bits.
        if pixels is not None and (name == "photo" or wide) and (brightest := int(pixels.max())) < DARK:
            return Observation(turned, (str(sample.paths.get(name, sample.name)), brightest), wide)
    return Observation(turned)


@dataclass
class Notes:
    """The observations of a split."""

    pairs: int = 0
    turned: list[tuple[str, str]] = field(default_factory=list)
    dark: list[tuple[str, int]] = field(default_factory=list)
    wide: int = 0

    def add(self, seen: Observation) -> None:
        """Counts a pair."""
        self.pairs += 1
        if seen.turned is not None:
            self.turned.append(seen.turned)
        if seen.dark is not None:
            self.dark.append(seen.dark)
            self.wide += seen.wide

    def lines(self) -> list[str]:
        """A warning for each kind."""
        lines = []
        if self.turned:
            files = listed(f"{path}: {turn}" for path, turn in self.turned)
            lines.append(
                f"{counted(len(self.turned), 'pair')} of {self.pairs} with an EXIF rotation in one picture "
                f"alone, which was followed ({files}). Do both still cover the same things? See --picture; "
                "if not, remove the tag: exiftool -Orientation= FILE"
            )
        if self.dark:
            files = listed(f"{path}: {brightest}" for path, brightest in self.dark)
            lines.append(
                f"{counted(len(self.dark), 'pair')} of {self.pairs} with a picture that is nearly black; its "
                f"brightest value of 255 is ({files})" + self._bits()
            )
        return lines

    def _bits(self) -> str:
        if not self.wide:
            return ""
        return (
            f". {self.wide} of these files have 16 bits a channel, whose range 0..65535 is read as 0..255: "
            "if they hold 10, 12 or 14 bits, multiply their values by 64, 16 or 4"
        )
