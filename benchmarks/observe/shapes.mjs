// The measured shapes: three ops that cost nothing (or only wait); with the source's, four calls an
// item.
export const shapes = {
  'async, concurrency 16': {
    items: 400_000,
    op: () => async (x) => x,
    concurrency: 16,
    callsPerItem: 4,
  },
  'async, concurrency 1': {
    items: 400_000,
    op: () => async (x) => x,
    concurrency: 1,
    callsPerItem: 4,
  },
  sync: { items: 1_500_000, op: () => (x) => x, concurrency: 1, callsPerItem: 4 },
  // Each call waits for a turn of the loop, as reads of files do: time passes, and queues fill and
  // empty.
  'a turn of the loop each': {
    items: 100_000,
    op: () => (x) => new Promise((resolve) => setImmediate(resolve, x)),
    concurrency: 16,
    callsPerItem: 4,
  },
  // A loop that mostly waits: each call is slow, so all of them are timed, and the watching thread
  // has an idle program before it.
  'timers of 20 ms': {
    items: 4000,
    op: () => (x) => new Promise((resolve) => setTimeout(resolve, 20, x)),
    concurrency: 16,
    callsPerItem: 4,
  },
}
