import { readSync, writeSync } from 'node:fs'

/** Fills `bytes` from a file, which must have that many bytes. */
export function readFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const count = readSync(file, bytes, done, bytes.byteLength - done, position + done)
    if (count === 0)
      throw new Error(
        `a shared file ends at ${position + done}, before the data that it should hold`,
      )
    done += count
  }
}

/** Writes all of `bytes`. */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(file, bytes, done, bytes.byteLength - done, position + done)
}
