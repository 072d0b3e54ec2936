"""One table of every generator of conf/generator: what an image costs on this machine.

    python benchmarks/generators.py                               # all of them at 256 and 512, one thread
    python benchmarks/generators.py --generators cppn,asap_small --sizes 256 --output few.json
    python benchmarks/generators.py --docs docs/performance.md    # writes what is measured into the page

Each row is measured in a process of its own and kept at once: a run that was interrupted goes on where it
was. Times are of the processor, the least of some calls after one that is not counted; ``native`` is left
out where a generator has none of our operations. Peak memory is that of the first call, native where there
is such a side, beyond the generator itself; weights prepared for inference are in it. Weights are as they are
drawn; conditions are 13 classes, of HDRNet a photo; pix2pixHD with features has an instance map, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

Row = dict[str, Any]
PHOTO = ("hdrnet",)
INSTANCES = ("pix2pixhd_features",)
BEGIN, END = "<!-- generators: begin -->", "<!-- generators: end -->"
HEADINGS = ("generator", "size", "parameters, M", "GMAC", "native, CPU ms", "torch, CPU ms", "peak MiB")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generators", default="", help="names of conf/generator, with commas; all of them")
    parser.add_argument("--sizes", default="256,512", help="sides of the square image, with commas")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="calls that are timed, of each side")
    parser.add_argument("--again", action="store_true", help="measure rows again that the file has")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds of a row at most")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/generators.json")
    parser.add_argument(
        "--docs", type=Path, help="a page: its table is written from the file, nothing measured"
    )
    parser.add_argument("--row", nargs=2, metavar=("NAME", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measured(options.row[0], int(options.row[1]), options.threads, options.repeats)))
        return 0
    rows = read_rows(options.output)
    if options.docs:
        write_docs(options.docs, rows)
        return 0
    names = options.generators.split(",") if options.generators else all_names()
    failed = 0
    for name in names:
        for size in map(int, options.sizes.split(",")):
            if not options.again and has(rows, name, size, options.threads):
                continue
            row = in_own_process(name, size, options)
            failed += "error" in row
            print(line(row), flush=True)
            rows = [kept for kept in rows if not is_row(kept, name, size, options.threads)] + [row]
            save(options.output, rows, options.threads)
    print(f"\n{table(rows)}\n\nwritten to {options.output}")
    return 1 if failed else 0


def all_names() -> list[str]:
    return sorted(path.stem for path in (ROOT / "conf/generator").glob("*.yaml"))


def is_row(row: Row, name: str, size: int, threads: int) -> bool:
    return (row["generator"], row["size"], row["threads"]) == (name, size, threads)


def has(rows: list[Row], name: str, size: int, threads: int) -> bool:
    return any(is_row(row, name, size, threads) and "error" not in row for row in rows)


def read_rows(path: Path) -> list[Row]:
    return list(json.loads(path.read_text())["rows"]) if path.is_file() else []


def save(path: Path, rows: list[Row], threads: int) -> None:
    import torch

    from asap_lightning.benchmarking import machine
    from asap_lightning.files import atomic_write

    facts = machine.describe(torch.device("cpu"), threads)
    with atomic_write(path, "w") as file:
        json.dump({"suite": "generators", "machine": facts, "rows": rows}, file, indent=1)
        file.write("\n")


def in_own_process(name: str, size: int, options: argparse.Namespace) -> Row:
    """The row, or in its place why there is none."""
    command = [sys.executable, __file__, "--row", name, str(size), "--threads", str(options.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    row: Row = {"generator": name, "size": size, "threads": options.threads}
    try:
        done = subprocess.run(
            [*command, "--repeats", str(options.repeats)],
            env=environment, capture_output=True, text=True, timeout=options.timeout,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {**row, "error": f"longer than {options.timeout:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {**row, "error": f"exit code {done.returncode}: {last[:200]}"}
    return {**row, **json.loads(done.stdout.splitlines()[-1])}


def measured(name: str, size: int, threads: int, repeats: int) -> Row:
    import torch

    from asap_lightning.building import build
    from asap_lightning.condition import ConditionSpec
    from asap_lightning.configuration.peers import sized_node
    from asap_lightning.evaluation.cost.measure import condition_for, measure_cost
    from asap_lightning.inference import Translator
    from asap_lightning.models import AsapGenerator, CppnGenerator, HdrnetGenerator
    from asap_lightning.ops.dispatch import VARIABLE, why_not

    torch.set_num_threads(threads)
    device = torch.device("cpu")
    photo = ConditionSpec("image", channels=3)
    classes = ConditionSpec(num_classes=12, has_unknown=True, instance_edges=name in INSTANCES)
    spec = photo if name in PHOTO else classes
    torch.manual_seed(0)
    generator = build(sized_node(name, size), "generator", spec=spec).eval()
    row: Row = {
        "parameters": sum(parameter.numel() for parameter in generator.parameters()),
        "gmac": measure_cost("flops", generator, size, size, device=device) / 2,
    }
    ours = isinstance(generator, AsapGenerator | CppnGenerator | HdrnetGenerator)
    sides = ["native", "torch"] if ours and not why_not("native", device, torch.float32) else ["torch"]
    condition = condition_for(generator, size, size)
    for backend in sides:
        os.environ[VARIABLE] = backend
        translator = Translator.from_generator(generator, device="cpu")
        if isinstance(generator, AsapGenerator):  # as whoever loads a checkpoint has it
            generator.release_prepared()
            generator.prepare_for_inference()
        row |= timed(translator, condition, backend, repeats, peak=backend == sides[0])
    return row


def timed(translator: Any, condition: Any, backend: str, repeats: int, *, peak: bool) -> Row:
    from asap_lightning.evaluation.cost.memory import peak_of

    row: Row = {}
    if peak:
        row["peak_mib"] = peak_of(lambda: translator.translate(condition)) / 2**20
    else:
        translator.translate(condition)
    calls = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        translator.translate(condition)
        calls.append((time.process_time() - processor, time.perf_counter() - wall))
    row[f"{backend}_cpu_ms"] = 1e3 * min(call[0] for call in calls)
    row[f"{backend}_ms"] = 1e3 * min(call[1] for call in calls)
    return row


def line(row: Row) -> str:
    if "error" in row:
        return f"| `{row['generator']}` | {row['size']} | {row['error']} | | | | |"

    def number(key: str, digits: int = 0) -> str:
        return "-" if key not in row else f"{row[key]:,.{digits}f}"

    return (
        f"| `{row['generator']}` | {row['size']} | {row['parameters'] / 1e6:.2f} | {number('gmac', 2)} | "
        f"{number('native_cpu_ms')} | {number('torch_cpu_ms')} | {number('peak_mib')} |"
    )


def table(rows: list[Row]) -> str:
    ordered = sorted(rows, key=lambda row: (row["generator"], row["size"], row["threads"]))
    head = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    return "\n".join([*head, *map(line, ordered)])


def write_docs(path: Path, rows: list[Row]) -> None:
    """Puts the table between the page's two marks."""
    from asap_lightning.files import atomic_write

    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{path} has no lines '{BEGIN}' and '{END}', between which the table belongs")
    before, rest = text.split(BEGIN)
    with atomic_write(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    sys.exit(main())
