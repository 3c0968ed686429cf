"""What Pillow makes of photographs: python preprocessing.py <list.json> <folder>. One file of RGB bytes for each photo and way.

list.json: [{ "file", "name", "mode", "algorithm", "width", "height" }]. The geometry is that of torchvision's Resize and Hugging Face's
center_crop; Pillow's resize() takes means over areas where it makes smaller ("antialias").
"""

import json
import sys
from pathlib import Path

from PIL import Image, ImageOps

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def brought(photo, mode, width, height, method):
    if mode == "stretch":
        return photo.resize((width, height), method)
    scale = (min if mode == "pad" else max)(width / photo.width, height / photo.height)
    is_by_width = scale == width / photo.width
    if mode == "pad":
        size = (width, max(1, round(photo.height * scale))) if is_by_width else (max(1, round(photo.width * scale)), height)
        scaled = photo.resize(size, method)
        out = Image.new("RGB", (width, height))
        out.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
        return out
    if is_by_width:
        size = (width, int(width * photo.height / photo.width))
    else:
        size = (int(height * photo.width / photo.height), height)
    scaled = photo.resize(size, method)
    if mode == "shorter":
        return scaled
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return scaled.crop((left, top, left + width, top + height))


jobs = json.loads(Path(sys.argv[1]).read_text())
folder = Path(sys.argv[2])
opened = None
for job in jobs:
    if opened is None or opened[0] != job["file"]:
        image = ImageOps.exif_transpose(Image.open(job["file"]))
        opened = (job["file"], image.convert("RGB"))
    out = brought(opened[1], job["mode"], job["width"], job["height"], FILTERS[job["algorithm"]])
    (folder / job["name"]).write_bytes(out.tobytes())
