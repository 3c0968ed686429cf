# One measurement: python cell.py <contestant> <folder>. Prints {"mb","seconds","cpuSeconds"}.
import json
import os
import sys
import time

contestant, folder = sys.argv[1], sys.argv[2]
DATA = (b"spindle " * (128 * 1024 // 8))
COUNT = 2000


def one(n):
    return {"bin": DATA, "n": n}


def main():
    os.makedirs(folder, exist_ok=True)
    begin, cpu = time.perf_counter(), time.process_time()
    if contestant.startswith("webdataset"):
        import webdataset

        begin, cpu = time.perf_counter(), time.process_time()
        with webdataset.ShardWriter(f"{folder}/shard-%06d.tar", maxsize=256_000_000, verbose=0) as sink:
            for n in range(COUNT):
                sink.write({"__key__": f"{n:06d}", "bin": DATA})
        os.sync()
    else:
        import litdata

        begin, cpu = time.perf_counter(), time.process_time()
        litdata.optimize(fn=one, inputs=list(range(COUNT)), output_dir=folder, chunk_bytes=256_000_000, num_workers=1)
        os.sync()
    seconds = time.perf_counter() - begin
    print(json.dumps({"mb": COUNT * len(DATA) / 1e6, "seconds": seconds, "cpuSeconds": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
