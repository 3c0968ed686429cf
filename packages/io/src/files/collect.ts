import { type Routine, runSync, type WriteRequest } from './routine.ts'

/** Collects everything that a routine writes, in one piece of memory. */
export function collect(routine: Routine<void, WriteRequest>): Uint8Array {
  const chunks: Uint8Array[] = []
  runSync(routine, { writer: { write: (more) => void chunks.push(...more) } })
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}
