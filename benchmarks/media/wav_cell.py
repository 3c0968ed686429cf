"""One cell of wav.mjs: python wav_cell.py <contestant> <case> <folder> <milliseconds>"""

import io
import pathlib
import sys

import numpy as np
from repeat import repeat

contestant, name, folder, ms = sys.argv[1:]
folder = pathlib.Path(folder)


def stored(data, offset=None, duration=None):
    if contestant == "SPDL":
        import spdl.io

        if offset is None:
            return lambda: spdl.io.load_wav(data)
        return lambda: spdl.io.load_wav(data, offset, duration)
    if contestant == "soundfile":
        import soundfile

        return lambda: soundfile.read(io.BytesIO(data), dtype="int16")
    from scipy.io import wavfile

    return lambda: wavfile.read(io.BytesIO(data))


def floats(data):
    if contestant == "SPDL":
        import spdl.io

        def load():
            samples = np.asarray(spdl.io.load_wav(data))
            return np.ascontiguousarray(samples.T, dtype=np.float32) / np.float32(32768)

        return load
    if contestant == "soundfile":
        import soundfile

        return lambda: np.ascontiguousarray(soundfile.read(io.BytesIO(data), dtype="float32")[0].T)
    from scipy.io import wavfile

    def load():
        samples = wavfile.read(io.BytesIO(data))[1]
        scale = np.float32(2.0 ** (1 - 8 * samples.itemsize))
        return np.ascontiguousarray(samples.T, dtype=np.float32) * scale

    return load


def from_file(path):
    path = str(path)
    if contestant == "soundfile":
        import soundfile

        return lambda: soundfile.read(path, start=30 * 44100, frames=44100, dtype="int16")
    import spdl.io

    def load():
        with open(path, "rb") as file:
            return np.array(spdl.io.load_wav(file.read(), 30, 1))

    return load


WORK = {
    "samples as stored, 1 s": lambda: stored((folder / "1.wav").read_bytes()),
    "samples as stored, 60 s": lambda: stored((folder / "60.wav").read_bytes()),
    "second 30 of 60 s in memory": lambda: stored((folder / "60.wav").read_bytes(), 30, 1),
    "float32 [2, samples], 10 s": lambda: floats((folder / "10.wav").read_bytes()),
    "float32 [2, samples], 10 s, 24 bits": lambda: floats((folder / "10-24.wav").read_bytes()),
    "second 30 of a file of 60 s": lambda: from_file(folder / "60.wav"),
}
repeat(WORK[name](), float(ms))
