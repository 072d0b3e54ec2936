"""The papers' tables and figures, filled with the runs that are here."""

from asap_lightning.reports.paper.found import Archive, Found, find_measurements, find_timings
from asap_lightning.reports.paper.recipes import PAPERS, Paper
from asap_lightning.reports.paper.render import render_paper

__all__ = ["PAPERS", "Archive", "Found", "Paper", "find_measurements", "find_timings", "render_paper"]
