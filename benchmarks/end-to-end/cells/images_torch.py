"""torch DataLoader with PIL, from files or (webdataset) from tar files, a worker process a core."""

import io
import os
import sys

import numpy as np
import torch
from consumer import Consumer
from PIL import Image

WAY, FOLDER, FORM, PAUSE = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
CORES, BATCH = os.cpu_count(), 32
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
SCALE, SHIFT = 1 / (255 * STD), -MEAN / STD


def decode(file):
    with Image.open(file) as image:
        if WAY != "plain":
            image.draft("RGB", (224, 224))
        pixels = np.asarray(image.convert("RGB").resize((224, 224), Image.BILINEAR))
    if FORM == "float32":
        pixels = pixels * SCALE + SHIFT
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


class Files(torch.utils.data.Dataset):
    def __init__(self):
        self.paths = sorted(os.path.join(FOLDER, name) for name in os.listdir(FOLDER))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return decode(self.paths[index])


torch.set_num_threads(1)
if WAY == "webdataset":
    import webdataset

    shards = sorted(os.path.join(FOLDER, name) for name in os.listdir(FOLDER))
    dataset = (
        webdataset.WebDataset(shards, shardshuffle=False)
        .map(lambda sample: decode(io.BytesIO(sample["jpg"])))
        .batched(BATCH, collation_fn=torch.stack)
    )
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=CORES)
else:
    loader = torch.utils.data.DataLoader(Files(), batch_size=BATCH, num_workers=CORES)
consumer = Consumer(PAUSE)
for batch in loader:
    consumer.take(batch.numpy(), batch.shape[0])
consumer.end()
