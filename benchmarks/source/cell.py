"""One measurement of SPDL's samplers: cell.py <contestant> <folder>. Prints milliseconds for starts, otherwise indices a second of CPU time."""

import sys
import time
import warnings

import numpy as np
from spdl.source import DistributedDeterministicSampler, DistributedRandomSampler

warnings.simplefilter("ignore")
what, library, kind, size = sys.argv[1].split(" ")
size = int(float(size))
weights = [1 + i % 10 for i in range(size)] if kind == "weighted" else None


def make():
    if library == "NumPy":
        return np.random.default_rng(1).permutation(size).tolist()
    if kind == "deterministic":
        return DistributedDeterministicSampler(size, rank=0, world_size=1)
    return DistributedRandomSampler(size, rank=0, world_size=1, weights=weights, seed=1)


begin = time.perf_counter()
begin_cpu = time.process_time()
source = make()
if what == "start":
    next(iter(source))
    print((time.perf_counter() - begin) * 1000)
else:
    count = 0
    for _ in source:
        count += 1
        if count == 5_000_000:
            break
    print(count / (time.process_time() - begin_cpu))
