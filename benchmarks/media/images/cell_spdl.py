"""SPDL: load_image_batch in a pipeline with a thread a core, with the same scaling as the others."""

import sys

import spdl.io
from cell import SIZE, batches, measure
from spdl.pipeline import PipelineBuilder

CORES = int(sys.argv[2])


def load(paths):
    buffer = spdl.io.load_image_batch(
        paths,
        width=SIZE,
        height=SIZE,
        filter_desc=f"scale=w={SIZE}:h={SIZE}:flags=bilinear,format=pix_fmts=rgb24",
        strict=False,
    )
    return spdl.io.to_numpy(buffer)


def work(paths):
    builder = PipelineBuilder().add_source(batches(paths)).pipe(load, concurrency=CORES).add_sink(4)
    pipeline = builder.build(num_threads=CORES)
    with pipeline.auto_stop():
        return sum(batch.shape[0] for batch in pipeline)


measure(work)
