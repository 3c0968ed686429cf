"""SPDL's and PyAV's job of audio: audio_python.py <spdl|pyav> <folder>."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from consumer import Consumer

WAY, FOLDER = sys.argv[1:3]
START, END, RATE = 3, 8, 16000

if WAY == "spdl":
    import spdl.io

    WINDOW = (float(START), float(END))
    GRAPH = spdl.io.get_audio_filter_desc(
        sample_rate=RATE, num_channels=1, sample_fmt="fltp", timestamp=WINDOW
    )

    def load(path):
        return spdl.io.to_numpy(spdl.io.load_audio(path, timestamp=WINDOW, filter_desc=GRAPH))

else:
    import av
    import numpy

    def load(path):
        with av.open(path) as container:
            stream = container.streams.audio[0]
            container.seek(int(START / stream.time_base), stream=stream)
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
            pieces = []
            for frame in container.decode(stream):
                if frame.time is not None and frame.time >= END:
                    break
                pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
            return numpy.concatenate(pieces, 1)


paths = sorted(os.path.join(FOLDER, name) for name in os.listdir(FOLDER))
consumer = Consumer(0)
with ThreadPoolExecutor(os.cpu_count()) as threads:
    for samples in threads.map(load, paths):
        consumer.take(samples, samples.shape[-1])
consumer.end()
