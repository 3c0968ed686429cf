import {
  iterateTar,
  iterateZip,
  loadAudio,
  loadImage,
  loadNpy,
  loadNpz,
  loadWav,
  type NdArray,
} from '../../src/index.ts'
import {
  iterateTarSync,
  loadAudioSync,
  loadImageSync,
  loadNpySync,
  loadNpzSync,
  loadWavSync,
  ZipFileSync,
} from '../../src/sync.ts'
import type { Kind } from './seeds.ts'

/** A file that is perhaps broken. */
export interface CorpusFile {
  /** Its place in the corpus. */
  readonly index: number
  readonly kind: Kind
  readonly bytes: Uint8Array
}

/** What was in a file: its one array, or what its members are called and hold. */
export interface Loaded {
  readonly index: number
  readonly parts: readonly Part[]
}

/** An array, and the path of its member in an archive. */
export type Part = Pick<NdArray, 'data' | 'shape'> & { readonly path?: string }

const size = { width: 24, height: 16 } as const

/** Loads a file where it is called: what ops in workers do. */
export function load({ index, kind, bytes }: CorpusFile): Loaded {
  return { index, parts: partsOf(kind, bytes) }
}

function partsOf(kind: Kind, bytes: Uint8Array): Part[] {
  switch (kind) {
    case 'image':
      return [plain(loadImageSync(bytes, size))]
    case 'audio':
      return [plain(loadAudioSync(bytes))]
    case 'wav':
      return [plain(loadWavSync(bytes))]
    case 'npy':
      return [plain(loadNpySync(bytes))]
    case 'npz': {
      const npz = loadNpzSync(bytes)
      return npz.keys().map((path) => plain(npz.get(path), path))
    }
    case 'zip': {
      const zip = ZipFileSync.open(bytes)
      return zip.paths().map((path, number) => member(path, zip.read(number)))
    }
    case 'tar':
      return Array.from(iterateTarSync(bytes), ({ path, data }) => member(path, data))
  }
}

/**
 * Loads a file by the functions that give promises: media in the shared threads, the rest on the
 * loop.
 */
export async function loadShared({ index, kind, bytes }: CorpusFile): Promise<Loaded> {
  return { index, parts: await sharedPartsOf(kind, bytes) }
}

async function sharedPartsOf(kind: Kind, bytes: Uint8Array): Promise<Part[]> {
  switch (kind) {
    case 'image':
      return [plain(await loadImage(bytes, size))]
    case 'audio':
      return [plain(await loadAudio(bytes))]
    case 'wav':
      return [plain(await loadWav(bytes))]
    case 'npy':
      return [plain(await loadNpy(bytes))]
    case 'npz': {
      const npz = await loadNpz(bytes)
      const parts: Part[] = []
      // One after the other, so that the first fault is the same each time.
      for (const path of npz.keys()) parts.push(plain(await npz.get(path), path))
      return parts
    }
    case 'zip':
      return collect(iterateZip(bytes))
    case 'tar':
      return collect(iterateTar(bytes))
  }
}

async function collect(
  members: AsyncIterable<{ path: string; data: Uint8Array }>,
): Promise<Part[]> {
  const parts: Part[] = []
  for await (const { path, data } of members) parts.push(member(path, data))
  return parts
}

function plain({ data, shape }: Part, path?: string): Part {
  return { data, shape, ...(path === undefined ? {} : { path }) }
}

function member(path: string, data: Uint8Array): Part {
  return { data, shape: [data.length], path }
}
