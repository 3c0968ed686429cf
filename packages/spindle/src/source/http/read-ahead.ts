import type { RemoteFile } from './remote-file.ts'

/** First range that is asked for. Later ones are larger, up to {@link MOST_RANGE}. */
const FIRST_RANGE = 256 * 1024
const MOST_RANGE = 4 * 1024 * 1024
/** Requests at a time. */
const MOST_REQUESTS = 8

/**
 * Reads a file on a server by several requests at a time, and gives the bytes in order. On a server
 * that is far away, one request waits for its first byte most of the time.
 *
 * It begins with a small range. What is asked for ahead grows with what was taken, up to
 * `windowBytes`, so a reader that stops early has caused little traffic.
 *
 * @throws as `RemoteFile.read`
 */
export async function* readAhead(
  file: Pick<RemoteFile, 'size' | 'read'>,
  [start, end]: readonly [number, number],
  windowBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stop = new AbortController()
  const signals = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const pending: { readonly bytes: number; readonly read: Promise<Buffer> }[] = []
  let next = start
  let taken = 0
  let ahead = 0
  let range = FIRST_RANGE
  const ask = (): void => {
    const allowed = Math.min(windowBytes, FIRST_RANGE + 2 * taken)
    while (next < end && pending.length < MOST_REQUESTS && (ahead < allowed || ahead === 0)) {
      const bytes = Math.min(range, end - next, Math.max(FIRST_RANGE, allowed - ahead))
      const read = file.read(next, next + bytes, signals)
      // It is awaited later, or not at all.
      read.catch(() => {})
      pending.push({ bytes, read })
      next += bytes
      ahead += bytes
      range = Math.min(MOST_RANGE, range * 2)
    }
  }
  try {
    for (ask(); pending.length > 0; ask()) {
      const { bytes, read } = pending.shift() as (typeof pending)[number]
      const piece = await read
      ahead -= bytes
      yield piece
      taken += bytes
    }
  } finally {
    stop.abort()
  }
}
