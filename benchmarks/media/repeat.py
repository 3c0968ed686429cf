"""The timing of one cell in Python: the counterpart of repeat.mjs."""

import json
import time


def repeat(work, ms):
    batch = 1
    for _ in range(4):
        calls, _, _ = timed(work, ms / 4, batch)
        batch = max(1, calls // 10)
    calls, elapsed, cpu = timed(work, ms, batch)
    print(json.dumps({"us": elapsed * 1e6 / calls, "cpuUs": cpu * 1e6 / calls}))


def timed(work, ms, batch):
    started = time.perf_counter()
    cpu_before = time.process_time()
    calls = 0
    while True:
        for _ in range(batch):
            work()
        calls += batch
        cpu = time.process_time() - cpu_before
        if cpu * 1000 >= ms:
            return calls, time.perf_counter() - started, cpu
