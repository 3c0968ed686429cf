import zlib from 'node:zlib'
import { SpindleError } from '../errors.ts'
import type { ShardEncoder, ShardFormat, ShardOutput } from './shard-format.ts'

/** How a shard is compressed. */
export type Compression = 'gzip' | 'zstd'

const ENDINGS: Readonly<Record<Compression, string>> = { gzip: '.gz', zstd: '.zst' }
/** Bytes that become one member of a gzip file or one frame of a zstd file. */
const BLOCK = 1 << 20

/**
 * A format whose shards are compressed. Each megabyte is compressed for itself, as a member or
 * frame of its own; readers see one file. So memory stays bounded, and readers may start in the
 * middle.
 */
export function compressed<T>(format: ShardFormat<T>, how: Compression): ShardFormat<T> {
  const compress = compressorOf(how)
  return {
    kind: format.kind,
    extension: format.extension + ENDINGS[how],
    encoder: (output) => {
      const blocks = new Blocks(output, compress)
      const encoder = format.encoder(blocks)
      return new CompressedEncoder(encoder, blocks)
    },
  }
}

function compressorOf(how: Compression): (bytes: Uint8Array) => Promise<Uint8Array> {
  if (how === 'gzip') return promised(zlib.gzip as Callback)
  const { zstdCompress } = zlib as unknown as { zstdCompress?: Callback }
  if (zstdCompress === undefined)
    throw new SpindleError(
      'ERR_UNSUPPORTED',
      `\`compress: 'zstd'\` needs Node 22.15 or later, this is ${process.version}; use 'gzip'`,
    )
  return promised(zstdCompress)
}

type Callback = (
  bytes: Uint8Array,
  callback: (error: Error | null, result: Uint8Array) => void,
) => void

function promised(call: Callback): (bytes: Uint8Array) => Promise<Uint8Array> {
  return (bytes) =>
    new Promise((resolve, reject) => {
      call(bytes, (error, result) => (error ? reject(error) : resolve(result)))
    })
}

/** Gathers bytes to blocks, and compresses them in the background, several at a time. */
class Blocks implements ShardOutput {
  readonly #output: ShardOutput
  readonly #compress: (bytes: Uint8Array) => Promise<Uint8Array>
  #buffer: Buffer = Buffer.allocUnsafe(BLOCK)
  #used = 0
  /** Compressed blocks, in order. */
  #waiting: Promise<Uint8Array>[] = []
  /** Uncompressed bytes that are not written yet. */
  kept = 0
  /** Uncompressed bytes of the shard, less the compressed ones that were written. */
  unwritten = 0

  constructor(output: ShardOutput, compress: (bytes: Uint8Array) => Promise<Uint8Array>) {
    this.#output = output
    this.#compress = compress
  }

  push(bytes: Uint8Array): void {
    this.kept += bytes.byteLength
    this.unwritten += bytes.byteLength
    for (let rest = bytes; rest.byteLength > 0; ) {
      const taken = Math.min(rest.byteLength, BLOCK - this.#used)
      this.#buffer.set(rest.subarray(0, taken), this.#used)
      this.#used += taken
      rest = rest.subarray(taken)
      if (this.#used === BLOCK) this.#close()
    }
  }

  #close(): void {
    if (this.#used === 0) return
    const block = this.#compress(this.#buffer.subarray(0, this.#used))
    block.catch(() => {})
    this.#waiting.push(block)
    this.#buffer = Buffer.allocUnsafe(BLOCK)
    this.#used = 0
  }

  /** Passes the finished blocks on, all but the last `ahead`. */
  async pass(ahead: number, isLast = false): Promise<void> {
    if (isLast) this.#close()
    while (this.#waiting.length > ahead) {
      const block = await (this.#waiting.shift() as Promise<Uint8Array>)
      this.#output.push(block)
      this.unwritten -= block.byteLength
    }
    this.kept = this.#used + this.#waiting.length * BLOCK
  }
}

/** Blocks that are compressed at the same time. */
const AHEAD = 4

class CompressedEncoder<T> implements ShardEncoder<T> {
  readonly #encoder: ShardEncoder<T>
  readonly #blocks: Blocks

  constructor(encoder: ShardEncoder<T>, blocks: Blocks) {
    this.#encoder = encoder
    this.#blocks = blocks
  }

  /** With it, the size of a shard counts its bytes before compression. */
  get keptBytes(): number {
    return this.#encoder.keptBytes + this.#blocks.unwritten
  }

  add(item: T): number {
    return this.#encoder.add(item)
  }

  /** Lets finished blocks out, so that memory stays bounded. */
  settle(): Promise<void> | undefined {
    return this.#blocks.kept > (AHEAD + 2) * BLOCK ? this.#blocks.pass(AHEAD) : undefined
  }

  async finish(): Promise<void> {
    await this.#encoder.finish()
    await this.#blocks.pass(0, true)
  }
}
