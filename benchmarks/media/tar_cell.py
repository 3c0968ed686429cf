"""One contestant in a process of its own: python tar_cell.py <task> <archive>. As tar-cell.mjs."""

import json
import sys
import tarfile
import time

import spdl.io

task, path = sys.argv[1:]
data = open(path, "rb").read() if "memory" in task else None


def spdl_memory():
    return sum(len(content) for _, content in spdl.io.iter_tarfile(data))


def spdl_file():
    with open(path, "rb") as file:
        return sum(len(content) for _, content in spdl.io.iter_tarfile(file))


def python_file():
    with tarfile.open(path) as tar:
        return sum(len(tar.extractfile(member).read()) for member in tar if member.isreg())


tasks = {"SPDL memory": spdl_memory, "SPDL file": spdl_file, "Python tarfile file": python_file}
for _ in sys.stdin:
    cpu, start = time.process_time(), time.perf_counter()
    total = tasks[task]()
    ms = (time.perf_counter() - start) * 1000
    print(json.dumps({"ms": ms, "cpuMs": (time.process_time() - cpu) * 1000, "total": total}), flush=True)
