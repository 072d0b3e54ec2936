"""W&B workspaces and reports as code: one training, a sweep, several models beside each other."""

from asap_lightning.tracking.dashboards.dashboard import KINDS, Dashboard, Subject, build_dashboard

__all__ = ["KINDS", "Dashboard", "Subject", "build_dashboard"]
