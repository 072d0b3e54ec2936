"""``asap import verify``: do our networks compute what the authors' programs computed?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.interop.recordings import Outputs, Recording, read_recording
from asap_lightning.interop.replays import replay
from asap_lightning.interop.training_recording import read_rates, replay_in_process

_OF_SINGAN = re.compile(r"singan training|singan applications|^sifid")
Verdict = Literal["agrees", "DISAGREES", "NOT COMPARED"]

TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-3
FINAL_TOLERANCE = 1e-5
FINAL_SHARE = 0.99
MATCHED = re.compile(r"warp[23]|level3\.initial_[xy]")
MATCHED_SHARE = 0.9
"""Share of CoCosNet's matched pixels that must agree: where a match falls, rounding decides for a region."""


@dataclass(frozen=True)
class Comparison:
    """One recorded output and ours.

    Attributes:
        recording: stem of the recording.
        output: name of the output.
        shape: of the recorded output.
        error: largest difference; NaN where nothing could be compared.
        allowed: the largest difference that counts as agreement.
        verdict: the result.
        remark: why, where it does not agree.
    """

    recording: str
    output: str
    shape: tuple[int, ...]
    error: float
    allowed: float
    verdict: Verdict
    remark: str = ""


def compare(recording: Recording, name: str, ours: Tensor | None, *, rounds_alike: bool = True) -> Comparison:
    """Compares one output by the rule for its kind.

    Ordinary outputs: max|ours - theirs| <= 1e-4 max(1, max|theirs|). Training: losses within 1e-3 relative,
    gradients within 1e-4 of the tensor's largest entry; final weights: 99% of the entries within 1e-5, every
    one within 2 x steps x learning rate, for Adam with beta1 = 0 makes a full step of rounding noise.
    CoCosNet's finer warps: 90% of the pixels by the ordinary rule (its recording says that inputs disturbed
    by 1e-7 move 15% of them).

    Args:
        recording: of the authors' program.
        name: of the output.
        ours: what we compute; None if nothing.
        rounds_alike: whether this processor sums as the recording's did (see `rounds_as`). If not, rounding
            noise decides final weights of small gradients: the 99% cannot hold, and the bound alone is asked.
    """
    theirs = recording.outputs[name].double()
    shape = tuple(theirs.shape)
    stem = recording.path.stem
    if ours is None:
        return Comparison(
            stem, name, shape, float("nan"), float("nan"), "NOT COMPARED", "we compute no such output"
        )
    if ours.numel() == 1 and theirs.numel() == 1:
        ours = ours.reshape(shape)
    if tuple(ours.shape) != shape:
        remark = f"our shape is {tuple(ours.shape)}"
        return Comparison(stem, name, shape, float("nan"), float("nan"), "DISAGREES", remark)
    differences = (ours.double() - theirs).abs()
    error = float(differences.max()) if differences.numel() else 0.0
    largest = float(theirs.abs().max()) if theirs.numel() else 0.0
    if name.startswith("final."):
        return _compare_final(recording, name, differences, rounds_alike)
    if "cocosnet" in recording.system and MATCHED.fullmatch(name):
        return _compare_matched(stem, name, differences, TOLERANCE * max(1.0, largest))
    if name.startswith("loss.") and "training" in recording.system:
        relative = differences / theirs.abs().clamp(min=1e-12)
        error, allowed = float(relative.max()), LOSS_TOLERANCE
    elif name.startswith("grad."):
        allowed = TOLERANCE * largest
    else:
        allowed = TOLERANCE * max(1.0, largest)
    agrees = bool(torch.isfinite(ours).all()) and error <= allowed
    return Comparison(stem, name, shape, error, allowed, "agrees" if agrees else "DISAGREES")


def rounds_as(recording: Recording, ours: Outputs) -> bool:
    """Whether the first gradients are the recorded ones to the last bit, or there are none."""
    first = [name for name in recording.outputs if name.startswith("grad.")]
    return all(name in ours and torch.equal(ours[name], recording.outputs[name]) for name in first)


def _compare_matched(stem: str, name: str, differences: Tensor, allowed: float) -> Comparison:
    """Of maps (B, C, H, W) whose pixels were matched: the largest difference of the best 90% of them."""
    pixels = differences.amax(1).flatten()
    agreeing = float((pixels <= allowed).double().mean())
    error = float(pixels.quantile(MATCHED_SHARE, interpolation="higher"))
    verdict: Verdict = "agrees" if agreeing >= MATCHED_SHARE else "DISAGREES"
    remark = f"{100 * agreeing:.2f}% of the pixels"
    return Comparison(stem, name, tuple(differences.shape), error, allowed, verdict, remark)


def _compare_final(recording: Recording, name: str, differences: Tensor, rounds_alike: bool) -> Comparison:
    rates = read_rates(str(recording.settings.get("optimizer", "")))
    rate = rates.generator if name.startswith("final.G.") else rates.discriminator
    allowed = 2 * int(recording.settings.get("steps", 5)) * rate
    if name.endswith(("weight_u", "weight_v")):
        allowed = max(allowed, TOLERANCE)
    close = float((differences <= FINAL_TOLERANCE).double().mean())
    error = float(differences.max())
    agrees = error <= allowed and (close >= FINAL_SHARE or not rounds_alike)
    remark = f"{100 * close:.2f}% within {FINAL_TOLERANCE:g}"
    if not rounds_alike:
        remark += "; this processor rounds otherwise than the recording's: the bound alone was asked"
    shape = tuple(differences.shape)
    return Comparison(
        recording.path.stem, name, shape, error, allowed, "agrees" if agrees else "DISAGREES", remark
    )


def verify(path: Path) -> list[Comparison]:
    """Replays one recording and compares every recorded output.

    What cannot be replayed at all gives one row with the reason.
    """
    try:
        recording = read_recording(path)
        ours = _replay(recording)
    except UserError as error:
        return [_not_compared(path, str(error))]
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # a recording may hold anything; trouble with one must not keep the others from being compared
        return [_not_compared(path, f"{type(error).__name__}: {error}")]
    if not recording.outputs:
        return [_not_compared(path, "the recording holds no outputs")]
    alike = rounds_as(recording, ours)
    return [compare(recording, name, ours.get(name), rounds_alike=alike) for name in recording.outputs]


def _replay(recording: Recording) -> Outputs:
    if _OF_SINGAN.search(recording.system):
        raise UserError(
            f"{recording.path.stem}: SinGAN's trainings, applications and SIFID are compared by the tests of "
            "asap_lightning.singan, not by this command"
        )
    return replay_in_process(recording.path) if "training" in recording.system else replay(recording)


def _not_compared(path: Path, reason: str) -> Comparison:
    return Comparison(path.stem, "-", (), float("nan"), float("nan"), "NOT COMPARED", reason.splitlines()[0])


def table(comparisons: Iterable[Comparison]) -> str:
    """The comparisons as text, one line an output."""
    head = ("recording", "output", "shape", "largest error", "allowed", "verdict", "")
    rows = [head] + [
        (
            row.recording,
            row.output,
            "x".join(map(str, row.shape)) or "scalar",
            f"{row.error:.2e}",
            f"{row.allowed:.2e}",
            row.verdict,
            row.remark,
        )
        for row in comparisons
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def summary(comparisons: Iterable[Comparison]) -> str:
    """One line a recording: outputs that agree, and the worst error as a share of the allowed one."""
    grouped: dict[str, list[Comparison]] = {}
    for row in comparisons:
        grouped.setdefault(row.recording, []).append(row)
    width = max(map(len, grouped), default=0)
    lines = []
    for recording, rows in grouped.items():
        agreeing = sum(row.verdict == "agrees" for row in rows)
        shares = [row.error / row.allowed for row in rows if row.allowed > 0]
        worst = f"worst error {100 * max(shares):.1f}% of the allowed" if shares else rows[0].remark
        lines.append(f"{recording.ljust(width)}  {agreeing} of {len(rows)} agree, {worst}")
    return "\n".join(lines)
