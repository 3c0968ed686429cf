/** First bytes of compressed files. */
const KINDS: readonly {
  readonly name: string
  readonly magic: readonly (number | undefined)[]
}[] = [
  { name: 'gzip', magic: [0x1f, 0x8b] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04] },
]

/** The compression of a file, by its first bytes; `undefined` for none. */
export function compressionOf(head: Uint8Array): string | undefined {
  return KINDS.find(({ magic }) =>
    magic.every((byte, index) => byte === undefined || head[index] === byte),
  )?.name
}
