// A file in the form of hyparquet.
import { open } from 'node:fs/promises'

export async function openFile(path) {
  const handle = await open(path)
  const { size: byteLength } = await handle.stat()
  return {
    byteLength,
    close: () => handle.close(),
    async slice(start, end = byteLength) {
      const { buffer } = await handle.read(new Uint8Array(end - start), 0, end - start, start)
      return buffer.buffer
    },
  }
}
