"""``asap tracking dashboard``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no_netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "no_settings"))


@pytest.mark.parametrize("kind", ["training", "sweep", "comparison"])
def test_it_is_shown_and_written(asap, tmp_path: Path, kind: str) -> None:
    shown = asap(
        "tracking", "dashboard", kind, "--project", "facades", "--metrics", "ssim", "--out", "new/d.json"
    )
    assert shown.code == 0, shown.err
    assert shown.out.startswith(f"{kind.capitalize()}: facades\n") and "written    new/d.json" in shown.out
    content = json.loads((tmp_path / "new" / "d.json").read_text())
    assert content["kind"] == kind and content["entity"] is None
    names = [one["name"] for one in content["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]]
    assert all(f"  {name} " in shown.out for name in names)
    assert "val/ssim" in str(content) and "val/psnr" not in str(content)


def test_without_a_file_it_says_how_to_go_on(asap) -> None:
    shown = asap("tracking", "dashboard", "training")
    assert shown.code == 0 and shown.out.endswith("--out FILE writes it as JSON, --save sends it to W&B\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("training", "--save"), "there is no W&B API key"),
        (("training", "--metrics", "psnr,"), "expected names with commas between them, got 'psnr,'"),
        (("beauty",), "invalid choice: 'beauty'"),
    ],
)
def test_mistakes(asap, words: tuple[str, ...], message: str) -> None:
    shown = asap("tracking", "dashboard", *words)
    assert shown.code == 2 and message in shown.err and "Traceback" not in shown.err


def test_without_the_library_it_says_what_to_install(asap, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("asap_lightning.tracking.dashboards")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [*(name for name in sys.modules if name.startswith("wandb_workspaces")), "wandb_workspaces"]:
        monkeypatch.setitem(sys.modules, name, None)
    shown = asap("tracking", "dashboard", "training")
    assert shown.code == 2 and "pip install 'asap-lightning[reports]'" in shown.err
