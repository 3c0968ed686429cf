// The ops of the cells, for Spindle's workers and Piscina's.
import { loadPiscina } from '../rivals.mjs'

export function small({ id }) {
  return { id, ok: true }
}

/** A result of `size` bytes; each page of it is written to. */
export function bytes(size) {
  return touched(new Uint8Array(size))
}

/** The same in memory that Spindle may have used before. */
export function reusedBytes(size, context) {
  return touched(context.alloc(size))
}

/** The same, transferred in Piscina's way. */
export function movedBytes(size) {
  return loadPiscina().move(touched(new Uint8Array(size)))
}

function touched(array) {
  for (let at = 0; at < array.length; at += 4096) array[at] = at
  return array
}

/** Blocks its worker with plain arithmetic for about 2 ms. */
export function arithmetic(seed) {
  let x = seed | 1
  for (let i = 0; i < 1_200_000; i++) x = (Math.imul(x, 1103515245) + 12345) | 0
  return x
}

export function endWorker(id) {
  if (id < 0) process.exit(1)
  return id
}
