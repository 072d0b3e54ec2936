"""Canvases as the settings of a data set ask for them: ``bank``, ``canvas``, ``canvas_options``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError
from asap_lightning.segments.canvas_options import CanvasOptions

if TYPE_CHECKING:
    from asap_lightning.composing.hooks import Aligner, FrontJudge
    from asap_lightning.segments.bank import Bank
    from asap_lightning.segments.canvases import Canvases

SETTINGS = ("bank", "canvas", "canvas_options")
OF_NETWORKS = ("align", "order")
"""Options that ask for the bank's fitted networks; the others are `CanvasOptions`."""


def canvases_of(settings: Mapping[str, Any]) -> Canvases | None:
    """The canvases that a data set gets; None without a bank.

    Args:
        settings: ``bank`` (a folder or None), ``canvas`` (``own``, ``retrieved``), ``canvas_options``: those
            of `CanvasOptions`, and ``align``, ``order``: whether the bank's fitted networks move and order
            its pieces.

    Raises:
        UserError: no bank there, a damaged one, options that are none, or a network that is not there or
            does not fit.
    """
    bank, options = settings.get("bank"), settings.get("canvas_options")
    if bank is None:
        return None
    if not isinstance(bank, str):
        raise UserError(f"data.bank={bank}: the folder of a memory bank was expected")
    if options is not None and not isinstance(options, Mapping):
        raise UserError(f"data.canvas_options={options}: options by name were expected")
    wanted, others = {}, dict(options or {})
    for name in OF_NETWORKS:
        wanted[name] = others.pop(name, None) or False
        if type(wanted[name]) is not bool:
            raise UserError(f"canvas_options.{name}={wanted[name]}: true or false was expected")
    from asap_lightning.segments.bank import Bank
    from asap_lightning.segments.canvases import Canvases  # OpenCV, where there is a bank alone

    canvases = Canvases(Bank(bank), settings.get("canvas") or "own", CanvasOptions.of(others))
    if wanted["align"]:
        canvases.align = bank_aligner(canvases.bank)
    if wanted["order"]:
        canvases.front = bank_judge(canvases.bank)
    return canvases


def bank_aligner(bank: Bank) -> Aligner:
    """The alignment network in a bank's folder, for `Canvases`.

    Raises:
        UserError: see `read_network`.
    """
    from asap_lightning.composing.hooks import Aligner
    from asap_lightning.composing.networks import path_of, read_network
    from asap_lightning.files import sha256_of
    from asap_lightning.models.sims.alignment import AlignmentNetwork

    fitted = read_network(bank, "align")
    assert isinstance(fitted.network, AlignmentNetwork)
    return Aligner(fitted.network, side=fitted.side, digest=sha256_of(path_of(bank, "align")))


def bank_judge(bank: Bank) -> FrontJudge:
    """The order network in a bank's folder, for `Canvases`.

    Raises:
        UserError: see `read_network`.
    """
    from asap_lightning.composing.hooks import FrontJudge
    from asap_lightning.composing.networks import path_of, read_network
    from asap_lightning.files import sha256_of
    from asap_lightning.models.sims.order import OrderNetwork

    fitted = read_network(bank, "order")
    assert isinstance(fitted.network, OrderNetwork)
    digest = sha256_of(path_of(bank, "order"))
    return FrontJudge(fitted.network, fitted.colours, side=fitted.side, digest=digest)
