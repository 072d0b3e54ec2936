"""Draws the networks of `docs/systems/` and writes what their pages state of them.

    python scripts/systems/update.py              # the pages' blocks and the pictures
    python scripts/systems/update.py --facts      # calls the networks first (minutes)
    python scripts/systems/update.py --facts asap # of one alone

Shapes and parameters come from calling the networks (`facts.json`), costs from `benchmarks/results/`,
published and measured figures from `asap_lightning.reports.paper` and `docs/results.md`: nothing is typed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "src")]

from drawings import DRAWINGS  # noqa: E402 - found by the line above
from facts import SIDE, built, parameters, traced  # noqa: E402
from svg import draw  # noqa: E402
from tables import NAMES, filled  # noqa: E402

FACTS = HERE / "facts.json"
PICTURES = ROOT / "docs/images/systems"


def main() -> int:
    """Always 0: whoever calls it looks at what changed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--facts", nargs="*", metavar="SYSTEM", help="call these networks anew; without names all of them"
    )
    options = parser.parse_args()
    if options.facts is not None:
        kept = json.loads(FACTS.read_text(encoding="utf-8")) if FACTS.is_file() else {}
        facts = kept | read_facts(options.facts or list(DRAWINGS))
        FACTS.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures().items():
        (PICTURES / f"network-{name}.svg").write_text(picture, encoding="utf-8")
    for name in NAMES:
        page = ROOT / f"docs/systems/{name}.md"
        page.write_text(filled(page.read_text(encoding="utf-8"), name), encoding="utf-8")
    return 0


def pictures() -> dict[str, str]:
    """System -> its network as SVG."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    return {system: draw(make(facts[system])) for system, (_, make) in DRAWINGS.items()}


def read_facts(systems: list[str]) -> dict[str, Any]:
    """System -> what is drawn of it."""
    generators = {system: DRAWINGS[system][0] for system in systems}
    return {
        system: facts_of(generator) if generator else singan_facts()
        for system, generator in generators.items()
    }


def facts_of(name: str) -> dict[str, Any]:
    """Shapes and parameters of a generator's modules, four levels deep, and the numbers beside them."""
    generator = built(name)
    paths = [path for path, _ in generator.named_modules() if path and path.count(".") < 4]
    found: dict[str, Any] = {"side": SIDE, "planes": generator.spec.planes, **traced(generator, paths)}
    modules = dict(generator.named_modules())
    if name == "asap":
        found |= {"tile": generator.layout.tile, "body": len(modules["lowres_stream.body"])}
        found |= {"mlp_widths": generator.layout.widths}
    if name == "cppn":
        found |= {"mlp_widths": modules["mlp"].layout.widths, "mlp_parameters": parameters(generator)}
    if name == "spade":
        found |= {"hidden": modules["head.spade1"].gamma.in_channels}
    if name == "pix2pixhd_local":
        found |= {
            "blocks": len(modules["coarse.blocks"]),
            "enhancer_blocks": len(modules["enhancers.0"].blocks),
        }
    return found


def singan_facts() -> dict[str, Any]:
    """The scales of an image of 250 x 188 pixels."""
    from asap_lightning.singan.networks import ScaleGenerator
    from asap_lightning.singan.pyramid import plan
    from asap_lightning.singan.updates import widths

    sizes = plan(188, 250).sizes
    chosen = widths(len(sizes), 32, 128)
    networks = [ScaleGenerator(width=width) for width in chosen]
    return {
        "sizes": [list(size) for size in sizes],
        "widths": list(chosen),
        "layers": len(networks[0].network.blocks) + 1,
        "parameters": [parameters(network) for network in networks],
    }


if __name__ == "__main__":
    sys.exit(main())
