"""What the pages of the systems state between marks: cost, shared modules, published and measured figures."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/asap_lightning"
GENERATORS = ROOT / "benchmarks/results/generators.json"
NAMES = {
    "asap": "ASAP-Net",
    "pix2pix": "pix2pix",
    "pix2pixhd": "pix2pixHD",
    "spade": "SPADE",
    "ccfpse": "CC-FPSE",
    "crn": "CRN",
    "sims": "SIMS",
    "cocosnet": "CoCosNet v2",
    "hdrnet": "HDRNet",
    "cppn": "CPPN",
    "singan": "SinGAN",
}
"""Page in `docs/systems/` -> the system's name."""
PARTS = ("discriminator", "loss", "optimizer")
"""What the list of recipes names of each experiment."""
METRICS = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "fid": "FID",
}
MARKS = re.compile(r"(<!-- (recipes|cost|shared|figures): begin -->\n).*?(<!-- \2: end -->)", re.S)


def filled(text: str, system: str) -> str:
    """A page with its blocks written anew."""
    makers = {"recipes": recipes, "cost": cost, "shared": shared, "figures": figures}
    return MARKS.sub(lambda match: f"{match[1]}{makers[match[2]](system)}\n{match[3]}", text)


def cost(system: str) -> str:
    """The table of its generators, from the benchmark's file."""
    content = json.loads(GENERATORS.read_text(encoding="utf-8"))
    mine = sorted({row["generator"] for row in content["rows"] if system_of(row["generator"]) == system})
    rows = [row for row in content["rows"] if row["generator"] in mine and "error" not in row]
    machine = content["machine"]
    lines = [
        "| `generator=` | size | parameters, M | GMAC | native, CPU ms | torch, CPU ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=lambda row: (mine.index(row["generator"]), row["size"])):
        native = f"{row['native_cpu_ms']:,.0f}" if "native_cpu_ms" in row else "-"
        lines.append(
            f"| `{row['generator']}` | {row['size']} x {row['size']} | {row['parameters'] / 1e6:.2f} "
            f"| {row['gmac']:,.2f} | {native} | {row['torch_cpu_ms']:,.0f} |"
        )
    threads = rows[0]["threads"]
    return "\n".join(
        [
            *lines,
            "",
            f"One image, {threads} thread of an {machine['processor']} ({machine['native']}), processor "
            "time; every generator beside the others: [performance](../performance.md).",
        ]
    )


def system_of(generator: str) -> str:
    """The system of an option of ``conf/generator``: the longest name that it begins with, or CPPN."""
    begun = [system for system in NAMES if generator.startswith(system)]
    return max(begun, key=len, default="cppn")


def recipes(system: str) -> str:
    """Its experiments, as their files choose and describe them."""
    lines = []
    for path in sorted((ROOT / "conf/experiment").glob("*.yaml")):
        choices = chosen(path)
        if system_of(choices["generator"]) == system:
            said = head_of(path)
            parts = " ".join(f"{group}={choices[group]}" for group in PARTS)
            row, expected, hardware = (said.get(key, "") for key in ("Paper row", "Expected", "Hardware"))
            told = f"{row}. Expected: {expected}. Hardware: {hardware}"
            lines.append(f"- `experiment={path.stem}` (`{parts}`): {told}")
    return "\n".join(lines)


def chosen(path: Path) -> dict[str, str]:
    """Group -> option of an experiment: its own overrides, those of what it is made from, the command's."""
    defaults = yaml.safe_load(path.read_text(encoding="utf-8")).get("defaults", [])
    found: dict[str, str] = {}
    if path.parent.name == "experiment" and not any(is_parent(entry) for entry in defaults):
        found |= chosen(ROOT / "conf/train.yaml")
    for entry in defaults:
        if is_parent(entry) and path.parent.name == "experiment":
            found |= chosen(path.with_name(f"{entry}.yaml"))
        if isinstance(entry, dict):
            found |= {key.removeprefix("override /"): str(value) for key, value in entry.items()}
    return found


def is_parent(entry: object) -> bool:
    """Whether an entry of the defaults is another experiment."""
    return isinstance(entry, str) and entry != "_self_"


def head_of(path: Path) -> dict[str, str]:
    """The named lines at the head of an experiment's file, with those that go on."""
    found: dict[str, str] = {}
    key = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"# (Command|Paper row|Expected|Hardware): +(.*)", line):
            key, found[match[1]] = match[1], match[2]
        elif key and (match := re.match(r"# {10,}(\S.*)", line)):
            found[key] += f" {match[1]}"
        else:
            key = ""
    return found


def shared(system: str) -> str:
    """What its code takes from the rest of the package, and which systems take something of it."""
    lines = []
    for module, names in sorted(taken(system).items()):
        lines.append(f"- `{module}`: {', '.join(f'`{name}`' for name in sorted(names))}")
    for other in NAMES:
        used = {
            name
            for module, names in taken(other).items()
            if other != system and module.startswith(f"{home(system)}.")
            for name in names
        }
        if used:
            listed = ", ".join(f"`{name}`" for name in sorted(used))
            lines.append(f"- [{NAMES[other]}]({other}.md) takes {listed} from here")
    return "\n".join(lines)


def home(system: str) -> str:
    """Its package."""
    return "asap_lightning.singan" if system == "singan" else f"asap_lightning.models.{system}"


def taken(system: str) -> dict[str, set[str]]:
    """Module of another room or system -> names that its code imports or calls."""
    found: dict[str, set[str]] = defaultdict(set)
    own = home(system)
    for path in (PACKAGE / own.removeprefix("asap_lightning.").replace(".", "/")).rglob("*.py"):
        for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            relevant = module.startswith(("asap_lightning.models", "asap_lightning.ops"))
            if relevant and not module.startswith(own):
                found[module].add(name)
    return found


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Module and name of every import of the package, and of every ``ops.NAME``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ops":
            yield "asap_lightning.ops", node.attr


def figures(system: str) -> str:
    """What papers report of it, and what was measured here."""
    if system == "singan":
        return "Seconds a scale and against the authors' program: [SinGAN's speed](../singan.md#speed)."
    return "\n\n".join([published(system), *run_times(system), *measured(system)])


def published(system: str) -> str:
    """A table of every published row; a sentence where none is known for certain."""
    from asap_lightning.reports.paper import PAPERS

    tables = {table.title: table for paper in PAPERS.values() for table in paper.tables}
    lines = []
    for table in tables.values():
        for row in table.rows:
            known = {key: value for key, value in row.published.items() if value is not None}
            mine = row.system == NAMES[system] or (system == "pix2pix" and row.system == "L1 + cGAN")
            if mine and known:
                told = ", ".join(f"{METRICS[key]} {value:g}" for key, value in known.items())
                lines.append(f"| {table.title} | {told} | {table.source} | `{row.experiment}` |")
    if not lines:
        return "`asap report paper` has no quality figure of it; what else is known stands with the recipes."
    return "\n".join(["| published | figures | source | `experiment=` |", "|---|---|---|---|", *lines])


def run_times(system: str) -> list[str]:
    """The sentence of published run times."""
    from asap_lightning.reports.paper import PAPERS

    timings = PAPERS["asap"].timings[0]
    mine = timings.published.get(NAMES[system])
    if mine is None:
        return []
    told = ", ".join(f"{ms:g} ms at {size}" for size, ms in mine.items())
    return [f"Run time in ASAP-Net's paper on an {timings.device}: {told}."]


def measured(system: str) -> list[str]:
    """Its columns of the table of `docs/results.md`."""
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.split("## Table", 1)[1].split("\n\n")[1].splitlines()
    ]
    columns = [i for i, heading in enumerate(rows[0]) if i and heading.startswith(NAMES[system])]
    columns = [i for i in columns if system == "pix2pixhd" or not rows[0][i].startswith("pix2pixHD")]
    if not columns:
        return ["It is not among the systems that [results](../results.md) compares."]
    kept = [[row[0], *(row[i].replace("**", "") for i in columns)] for row in rows if "---" not in row[1]]
    lines = [f"| {' | '.join(row)} |" for row in kept]
    lines.insert(1, "|---" + "|---:" * len(columns) + "|")
    head = (
        "Measured here, narrow networks of equal time on real facades ([protocol](../results.md#protocol)):"
    )
    return ["\n".join([head, "", *lines])]
