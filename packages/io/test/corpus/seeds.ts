import { readFileSync } from 'node:fs'
import { encodeNpy, encodeNpz, encodeWav } from '../../src/index.ts'
import { encodeAudioSync } from '../../src/sync.ts'
import { ENCODED, sweep } from '../audio/audio-support.ts'
import { catPixels, type Pixels, toSharp } from '../support.ts'

/** Which function reads a file. */
export type Kind = 'image' | 'audio' | 'wav' | 'npy' | 'npz' | 'zip' | 'tar'

/** A small file that is well, of which broken ones are made. */
export interface Seed {
  readonly name: string
  readonly kind: Kind
  readonly bytes: Buffer
}

/**
 * A picture in every format that is read, in the variants that take ways of their own through the
 * decoders.
 */
export async function imageSeeds(width: number, height: number): Promise<Seed[]> {
  const cat = await catPixels(width, height)
  const files: Record<string, Buffer> = {
    jpeg: await toSharp(cat).jpeg({ quality: 85 }).toBuffer(),
    'progressive jpeg': await toSharp(cat).jpeg({ quality: 85, progressive: true }).toBuffer(),
    'cmyk jpeg': await toSharp(cat).toColourspace('cmyk').jpeg().toBuffer(),
    png: await toSharp(cat).png().toBuffer(),
    'interlaced png': await toSharp(cat).png({ progressive: true }).toBuffer(),
    'palette png': await toSharp(cat).png({ palette: true, colours: 16 }).toBuffer(),
    webp: await toSharp(cat).webp({ quality: 80 }).toBuffer(),
    'lossless webp': await toSharp(cat).webp({ lossless: true }).toBuffer(),
    gif: await toSharp(cat).gif().toBuffer(),
    tiff: await toSharp(cat).tiff({ compression: 'lzw' }).toBuffer(),
    bmp: bmp(cat),
    avif: await toSharp(cat).avif({ quality: 60 }).toBuffer(),
  }
  return Object.entries(files).map(([name, bytes]) => ({ name, kind: 'image', bytes }))
}

/** Sounds: of this package's own parser, and of FFmpeg. */
export function soundSeeds(): Seed[] {
  const sound = sweep(0.02, 8000)
  const wav = (name: string): Seed => ({ name, kind: 'wav', bytes: fixture(`wav/${name}`) })
  return [
    { name: 'pcm16', kind: 'wav', bytes: bufferOf(encodeWav(sound, { layout: 'CT' })) },
    ...['extensible-pcm_24.wav', 'rf64.wav', 'odd-chunks.wav'].map(wav),
    ...(['wav', ...ENCODED] as const).map((format): Seed => {
      const bytes = bufferOf(encodeAudioSync(sweep(0.1, 16000), { format }))
      return { name: `sound ${format}`, kind: 'audio', bytes }
    }),
  ]
}

/** Arrays and archives. */
export function arraySeeds(): Seed[] {
  const x = {
    data: Float32Array.from({ length: 24 }, (_, i) => i / 7),
    dtype: 'float32',
    shape: [4, 6],
  } as const
  const label = { data: BigInt64Array.of(1n, 7n, -1n), dtype: 'int64', shape: [3] } as const
  const archive = (name: string, kind: Kind): Seed => ({
    name,
    kind,
    bytes: readFileSync(new URL(`../archives/${name}`, import.meta.url)),
  })
  return [
    { name: 'npy', kind: 'npy', bytes: bufferOf(encodeNpy(x)) },
    { name: 'fortran npy', kind: 'npy', bytes: fixture('arrays/rank-3-fortran.npy') },
    { name: 'npz', kind: 'npz', bytes: bufferOf(encodeNpz({ x, label })) },
    {
      name: 'deflated npz',
      kind: 'npz',
      bytes: bufferOf(encodeNpz({ x, label }, { compress: true })),
    },
    ...['pets.zip', 'zip64.zip', 'streamed.zip'].map((name) => archive(name, 'zip')),
    ...['pets.tar', 'pets.tar.gz', 'pax.tar'].map((name) => archive(name, 'tar')),
  ]
}

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url))
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** 24 bits a pixel, rows from the bottom up. */
function bmp({ data, width, height }: Pixels): Buffer {
  const stride = (width * 3 + 3) & ~3
  const file = Buffer.alloc(54 + stride * height)
  file.write('BM')
  file.writeUInt32LE(file.length, 2)
  file.writeUInt32LE(54, 10)
  file.writeUInt32LE(40, 14)
  file.writeInt32LE(width, 18)
  file.writeInt32LE(height, 22)
  file.writeUInt16LE(1, 26)
  file.writeUInt16LE(24, 28)
  file.writeUInt32LE(stride * height, 34)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3
      const to = 54 + (height - 1 - y) * stride + x * 3
      for (let channel = 0; channel < 3; channel++) file[to + channel] = data[from + 2 - channel]!
    }
  }
  return file
}
