"""The timing of one cell in Python: the counterpart of repeat.mjs."""

import json
import time


def repeat(work, ms):
    batch = 1
    for _ in range(4):
        calls, _ = timed(work, ms / 4, batch)
        batch = max(1, calls // 10)
    cpu_before = time.process_time()
    calls, elapsed = timed(work, ms, batch)
    cpu = time.process_time() - cpu_before
    print(json.dumps({"us": elapsed * 1e6 / calls, "cpuUs": cpu * 1e6 / calls}))


def timed(work, ms, batch):
    started = time.perf_counter()
    calls = 0
    while True:
        for _ in range(batch):
            work()
        calls += batch
        elapsed = time.perf_counter() - started
        if elapsed * 1000 >= ms:
            return calls, elapsed
