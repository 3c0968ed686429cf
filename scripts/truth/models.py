"""Writes packages/models/test/truth/preprocess.json: what Pillow and the processors of Hugging Face
make of pictures and sounds that the tests make again.

    pip install "pillow<13" numpy transformers && python3 scripts/truth/models.py

Pillow 13 rounds columns and rows in another order for some shapes, so some samples differ by one.
"""

import base64
import json
import math
import os

import numpy as np
import PIL
import transformers
from PIL import Image

import transformers as hf

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
OUT = os.path.join(ROOT, "packages/models/test/truth/preprocess.json")
RATE = 16000


def picture(width, height):
    """The same as in packages/models/test/preprocess/made-inputs.ts."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    value = x * 7 + y * 13 + c * 29 + ((x * y) % 17) * 9 + ((x >> 3) ^ (y >> 2)) * 31
    return Image.fromarray((value & 255).astype(np.uint8))


def sound(samples):
    """The same as in made-inputs.ts: a tone that rises and noise."""
    out = np.empty(samples, np.float32)
    state = 1
    for i in range(samples):
        state = (state * 1103515245 + 12345) % 2147483648
        noise = state / 1073741824 - 1
        out[i] = 0.4 * math.sin(i * (0.02 + i * 1e-6)) + 0.05 * noise
    return out


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
SIZES = [(61, 37, 20, 17), (37, 61, 24, 13), (16, 9, 23, 19), (40, 30, 40, 11), (30, 40, 13, 40)]


def resizes():
    for filter_, name in enumerate(FILTERS):
        for width, height, to_width, to_height in SIZES:
            made = picture(width, height).resize((to_width, to_height), resample=filter_)
            yield {"filter": name, "from": [width, height], "to": [to_width, to_height],
                   "pixels": text(np.asarray(made))}


def processors():
    clip = getattr(hf, "CLIPImageProcessorPil", hf.CLIPImageProcessor)
    vit = getattr(hf, "ViTImageProcessorPil", hf.ViTImageProcessor)
    conv = getattr(hf, "ConvNextImageProcessorPil", hf.ConvNextImageProcessor)
    square = {"height": 18, "width": 18}
    return [
        clip(size={"shortest_edge": 18}, crop_size=square),
        clip(size={"shortest_edge": 24}, crop_size=square),
        clip(size={"shortest_edge": 14}, crop_size=square, resample=2),
        vit(size={"height": 15, "width": 18}),
        vit(size=square, do_rescale=False, do_normalize=False),
        conv(size={"shortest_edge": 18}, crop_pct=0.875),
    ]


def tensors():
    for processor in processors():
        config = json.loads(processor.to_json_string())
        for width, height in [(61, 37), (37, 61), (23, 23), (50, 19)]:
            values = processor(picture(width, height), return_tensors="np").pixel_values[0]
            yield {"config": config, "from": [width, height], "shape": list(values.shape),
                   "values": text(values.astype(np.float32))}


PHOTOS = ["astronaut-portrait.jpg", "fig-1.jpg", "stream-1.webp"]


def photos():
    clip = getattr(hf, "CLIPImageProcessorPil", hf.CLIPImageProcessor)
    size = {"height": 24, "width": 24}
    processor = clip(size={"shortest_edge": 26}, crop_size=size)
    for name in PHOTOS:
        photo = Image.open(os.path.join(ROOT, "examples/photos", name)).convert("RGB")
        values = processor(photo, return_tensors="np").pixel_values[0]
        yield {"config": json.loads(processor.to_json_string()), "photo": name,
               "values": text(values.astype(np.float32))}


FRAMES = list(range(0, 130, 13)) + [1500, 2998, 2999]


def sounds():
    cases = [
        (hf.WhisperFeatureExtractor(), 20000),
        (hf.WhisperFeatureExtractor(feature_size=128), 20000),
        (hf.WhisperFeatureExtractor(), 31 * RATE),
        (hf.Wav2Vec2FeatureExtractor(return_attention_mask=False), 4000),
        (hf.Wav2Vec2FeatureExtractor(do_normalize=False), 4000),
    ]
    for extractor, samples in cases:
        config = {k: v for k, v in json.loads(extractor.to_json_string()).items()
                  if k != "mel_filters"}
        given = extractor(sound(samples), sampling_rate=RATE, return_tensors="np")
        if "input_features" in given:
            values = given.input_features[0][:, FRAMES]
            shape = list(given.input_features[0].shape)
        else:
            values = given.input_values[0]
            shape = list(values.shape)
            values = values[::7]
        yield {"config": config, "samples": samples, "shape": shape,
               "values": text(values.astype(np.float32))}


def main():
    made = {
        "madeBy": {"pillow": PIL.__version__, "transformers": transformers.__version__},
        "frames": FRAMES,
        "resizes": list(resizes()),
        "tensors": list(tensors()),
        "photos": list(photos()),
        "sounds": list(sounds()),
    }
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as file:
        json.dump(made, file, indent=1)
        file.write("\n")


main()
