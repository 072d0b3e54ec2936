"""Load on a server: python benchmarks/serving.py http://127.0.0.1:8000 --clients 8 --seconds 60

Every client sends one drawn layout after the other and waits for its picture. Figures are the clients' own;
memory and processor time are the server's, from its /metrics. The first tenth of the time is not counted.
"""

from __future__ import annotations

import argparse
import re
import statistics
import threading
import time
from collections import Counter
from importlib.resources import files

import httpx

EXAMPLES = [f"facade{number}.png" for number in range(1, 9)]


class Client(threading.Thread):
    def __init__(self, address: str, first: int, until: float) -> None:
        super().__init__()
        self.address, self.first, self.until = address, first, until
        self.answers: list[tuple[float, float, int]] = []

    def run(self) -> None:
        folder = files("asap_lightning.app") / "static" / "examples"
        layouts = [(folder / name).read_bytes() for name in EXAMPLES]
        with httpx.Client(timeout=120) as session:
            number = self.first
            while time.monotonic() < self.until:
                upload = {"image": ("layout.png", layouts[number % len(layouts)])}
                began = time.monotonic()
                status = session.post(f"{self.address}/translate", files=upload).status_code
                self.answers.append((began, time.monotonic() - began, status))
                number += 1


def measured(address: str) -> dict[str, float]:
    text = httpx.get(f"{address}/metrics").text
    names = ("process_resident_memory_bytes", "process_cpu_seconds_total")
    return {name: float(re.search(rf"^{name} (\S+)", text, re.M)[1]) for name in names}  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    begin = time.monotonic()
    warm = begin + options.seconds / 10
    clients = [Client(options.address, n, begin + options.seconds) for n in range(options.clients)]
    for client in clients:
        client.start()
    time.sleep(max(0.0, warm - time.monotonic()))
    before = measured(options.address)
    for client in clients:
        client.join()
    after = measured(options.address)
    answers = [one for client in clients for one in client.answers if one[0] >= warm]
    seconds = sorted(took for _, took, status in answers if status == 200)
    statuses = Counter(status for _, _, status in answers)
    cpu = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
    print(f"{len(answers)} answers, by status: {dict(statuses)}")
    print(f"pictures/s {len(seconds) / (time.monotonic() - warm):.2f}")
    quantiles = statistics.quantiles(seconds, n=20)
    print(f"p50 {1000 * statistics.median(seconds):.0f} ms, p95 {1000 * quantiles[18]:.0f} ms")
    print(f"server's processor time {1000 * cpu / max(1, len(answers)):.0f} ms a picture")
    name = "process_resident_memory_bytes"
    print(f"server's memory {before[name] / 2**20:.0f} MiB, then {after[name] / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
