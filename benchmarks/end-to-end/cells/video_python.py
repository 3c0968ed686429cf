"""SPDL's and PyAV's job of video: video_python.py <spdl|pyav> <sample|decode> <folder>."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from consumer import Consumer

WAY, JOB, FOLDER = sys.argv[1:4]
COUNT = 8


def places(total):
    return [min(total - 1, int((i + 0.5) * total / COUNT)) for i in range(COUNT)]


if WAY == "spdl":
    import spdl.io

    FILTER = spdl.io.get_video_filter_desc(
        scale_width=224, scale_height=224, scale_mode=None, scale_algo="bilinear", pix_fmt="rgb24"
    )

    def load(path):
        if JOB == "decode":
            frames = spdl.io.to_numpy(spdl.io.load_video(path, filter_desc=FILTER))
        else:
            packets = spdl.io.demux_video(path)
            decoded = spdl.io.sample_decode_video(packets, places(len(packets)), filter_desc=FILTER)
            frames = spdl.io.to_numpy(spdl.io.convert_frames(decoded))
        return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))

else:
    import av

    def load(path):
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            total = stream.frames
            wanted = None if JOB == "decode" else set(places(total))
            made = []
            if wanted is None:
                for frame in container.decode(stream):
                    made.append(small(frame))
            else:
                seconds = 1 / float(stream.average_rate)
                position = -1
                for index in sorted(wanted):
                    time = int(index * seconds / stream.time_base)
                    # A keyframe may lie between the last frame and this one.
                    if position < 0 or index - position > 30:
                        container.seek(time, stream=stream)
                    for frame in container.decode(stream):
                        position = round(float(frame.pts * stream.time_base) / seconds)
                        if position >= index:
                            made.append(small(frame))
                            break
            return np.stack(made)

    def small(frame):
        picture = frame.reformat(width=224, height=224, format="rgb24", interpolation="BILINEAR")
        return picture.to_ndarray().transpose(2, 0, 1)


clips = sorted(os.path.join(FOLDER, name) for name in os.listdir(FOLDER))
consumer = Consumer(0)
with ThreadPoolExecutor(os.cpu_count()) as threads:
    # Not more ahead than the others hold: results are large.
    waiting = []
    for path in clips:
        waiting.append(threads.submit(load, path))
        if len(waiting) > 2 * os.cpu_count():
            frames = waiting.pop(0).result()
            consumer.take(frames, frames.shape[0])
    for future in waiting:
        frames = future.result()
        consumer.take(frames, frames.shape[0])
consumer.end()
