"""Makes the photographs in this folder from the originals that LICENSES.md names.

    python3 make.py ORIGINALS

ORIGINALS is the folder that the commands in LICENSES.md fill. Needs Pillow 11.3 or later (for AVIF).
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

ORIGINALS = Path(sys.argv[1])
HERE = Path(__file__).parent
LOMIRI = "lomiri/usr/share/backgrounds/"
FILES = {
    "astronaut": "skimage/data/astronaut.png",
    "brick": "skimage/data/brick.png",
    "brushes": LOMIRI + "Picture_1A_by_freespace.jpg",
    "camera": "skimage/data/camera.png",
    "cat": "skimage/data/chelsea.png",
    "coffee": "skimage/data/coffee.png",
    "dahlia": "sklearn/datasets/images/flower.jpg",
    "dandelions": LOMIRI + "seeding_by_Clements_Engelhardt.jpg",
    "dogs": LOMIRI + "friends_by_Aitzol_Berasategi.jpg",
    "drum": LOMIRI + "Wine_by_Jakkub_Mede.jpg",
    "fig": LOMIRI + "Picture_0B_by_freespace.jpg",
    "galaxies": "skimage/data/hubble_deep_field.jpg",
    "gravel": "skimage/data/gravel.png",
    "mountains": LOMIRI + "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "pasture": LOMIRI + "aitzgorri_by_Aitzol_Berasategi.jpg",
    "retina": "skimage/data/retina.jpg",
    "rocket": "skimage/data/rocket.jpg",
    "stream": LOMIRI + "life_by_Aitzol_Berasategi.jpg",
    "sunset": LOMIRI + "sunset_by_Aitzol_Berasategi.jpg",
    "temple": "sklearn/datasets/images/china.jpg",
}


def photo(name, width, height, at=(0.5, 0.5), zoom=1.0, mode="RGB"):
    """The photograph scaled to cover width x height, enlarged by zoom around a point, and cropped."""
    image = Image.open(ORIGINALS / FILES[name]).convert(mode)
    part = (image.width / zoom, image.height / zoom)
    left, top = (image.width - part[0]) * at[0], (image.height - part[1]) * at[1]
    image = image.crop((int(left), int(top), int(left + part[0]), int(top + part[1])))
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def save(image, name, **options):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    image.save(path, **options)


landscapes = [
    "brushes", "coffee", "dahlia", "dandelions", "fig", "galaxies",
    "mountains", "pasture", "rocket", "stream", "sunset", "temple",
]
for number, name in enumerate(landscapes):
    save(photo(name, 500, 375), f"{name}-1.jpg", quality=80 + number % 4 * 4)
    save(photo(name, 500, 375, (0.3 + number % 3 * 0.2, 0.6), 1.4), f"{name}-2.jpg", quality=78 + number % 3 * 6)
for name in ["astronaut", "dogs", "drum"]:
    save(photo(name, 375, 500), f"{name}-portrait.jpg", quality=85)

# Kinds of JPEG: stored on its side with EXIF orientation, grey, progressive, without chroma subsampling, CMYK, small, wide.
for name, orientation, turn in [("dogs", 6, Image.Transpose.ROTATE_90), ("drum", 8, Image.Transpose.ROTATE_270)]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(photo(name, 375, 500, (0.5, 0.7), 1.3).transpose(turn), f"{name}-turned.jpg", quality=85, exif=exif)
for name in ["brick", "camera", "gravel"]:
    save(photo(name, 400, 400, mode="L"), f"{name}-grey.jpg", quality=80)
save(photo("retina", 400, 400), "retina-1.jpg", quality=85)
save(photo("sunset", 500, 375, (0.8, 0.5), 2), "sunset-progressive.jpg", quality=88, progressive=True)
save(photo("temple", 375, 500, (0.4, 0.5), 1.2), "temple-progressive.jpg", quality=85, progressive=True)
save(photo("brushes", 500, 375, (0.7, 0.3), 2), "brushes-444.jpg", quality=85, subsampling=0)
save(photo("fig", 320, 240, (0.6, 0.4), 1.6).convert("CMYK"), "fig-cmyk.jpg", quality=80)
save(photo("cat", 160, 120), "cat-small.jpg", quality=85)
save(photo("pasture", 900, 250), "pasture-wide.jpg", quality=80)

# Larger ones.
save(photo("mountains", 1600, 1200), "mountains-large.jpg", quality=74)
save(photo("dandelions", 1600, 900), "dandelions-large.jpg", quality=82)
save(photo("stream", 1280, 960), "stream-large.jpg", quality=70)

# Other formats.
save(photo("cat", 320, 240), "cat-1.png", optimize=True)
save(photo("coffee", 300, 200).quantize(128), "coffee-palette.png", optimize=True)
save(photo("camera", 256, 256, mode="L"), "camera-grey.png", optimize=True)
round_mask = Image.new("L", (200, 200), 0)
ImageDraw.Draw(round_mask).ellipse((4, 4, 195, 195), fill=255)
transparent = photo("dahlia", 200, 200, (0.5, 0.4), 1.3)
transparent.putalpha(round_mask)
save(transparent, "dahlia-alpha.png", optimize=True)
for name in ["cat", "mountains", "rocket", "stream"]:
    save(photo(name, 500, 375, (0.5, 0.3), 1.2), f"{name}-1.webp", quality=80)
save(photo("galaxies", 200, 150, (0.2, 0.8), 3), "galaxies-lossless.webp", lossless=True)
save(photo("pasture", 500, 375, (0.2, 0.5), 1.5), "pasture-1.avif", quality=70)
save(photo("temple", 240, 180).quantize(64), "temple-1.gif")

# What a real folder has too: files that are damaged, and one that is only named wrongly.
whole = (HERE / "sunset-1.jpg").read_bytes()
(HERE / "damaged").mkdir(exist_ok=True)
(HERE / "damaged/truncated.jpg").write_bytes(whole[: len(whole) * 6 // 10])
(HERE / "damaged/empty.jpg").write_bytes(b"")
(HERE / "damaged/not-an-image.jpg").write_text("This is a text file, whatever its name says.\n")
(HERE / "damaged/truncated.png").write_bytes((HERE / "camera-grey.png").read_bytes()[:20000])
webp = bytearray((HERE / "cat-1.webp").read_bytes())
(HERE / "damaged/cut-short.webp").write_bytes(webp[: len(webp) // 2])
(HERE / "damaged/png-named.jpg").write_bytes((HERE / "coffee-palette.png").read_bytes())
