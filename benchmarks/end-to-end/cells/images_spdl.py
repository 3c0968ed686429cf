"""SPDL: load_image_batch, a thread a core."""

import os
import sys

import numpy as np
import spdl.io
from consumer import Consumer
from spdl.pipeline import PipelineBuilder

FOLDER, FORM, PAUSE = sys.argv[1], sys.argv[2], float(sys.argv[3])
CORES, BATCH = os.cpu_count(), 32
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
FILTER = "scale=w=224:h=224:flags=bilinear,format=pix_fmts=rgb24"
SCALE, SHIFT = 1 / (255 * STD), -MEAN / STD


def load(paths):
    buffer = spdl.io.load_image_batch(paths, width=224, height=224, filter_desc=FILTER, strict=False)
    batch = spdl.io.to_numpy(buffer).transpose(0, 3, 1, 2)
    if FORM == "uint8":
        return np.ascontiguousarray(batch)
    out = np.multiply(batch, SCALE, dtype=np.float32)
    out += SHIFT
    return np.ascontiguousarray(out)


paths = sorted(os.path.join(FOLDER, name) for name in os.listdir(FOLDER))
batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
consumer = Consumer(PAUSE)
pipeline = (
    PipelineBuilder()
    .add_source(batches)
    .pipe(load, concurrency=CORES, output_order="input")
    .add_sink(4)
    .build(num_threads=CORES)
)
with pipeline.auto_stop():
    for batch in pipeline:
        consumer.take(batch, batch.shape[0])
consumer.end()
