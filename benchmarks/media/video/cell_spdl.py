# SPDL's side: a line of JSON in, a line of JSON out. See run.mjs.
import json
import resource
import sys
import time

import spdl.io


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e3


# It converts to no planar RGB.
FILTER = spdl.io.get_video_filter_desc(
    scale_width=224, scale_height=224, scale_mode=None, scale_algo="bilinear", pix_fmt="rgb24"
)


def decode(path):
    return spdl.io.to_numpy(spdl.io.load_video(path, filter_desc=FILTER)).shape[0]


def sample(path, count):
    packets = spdl.io.demux_video(path)
    total = len(packets)
    indices = [min(total - 1, int((i + 0.5) * total / count)) for i in range(count)]
    frames = spdl.io.sample_decode_video(packets, indices, filter_desc=FILTER)
    return spdl.io.to_numpy(spdl.io.convert_frames(frames)).shape[0]


for line in sys.stdin:
    given = json.loads(line)
    before, started = cpu(), time.perf_counter()
    job = given.pop("job")
    units = decode(**given) if job == "decode" else sample(**given)
    ms = (time.perf_counter() - started) * 1e3
    print(json.dumps({"units": units, "ms": ms, "cpuMs": cpu() - before}), flush=True)
