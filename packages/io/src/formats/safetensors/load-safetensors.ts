import { list, type Rules, signal as signalRule } from 'spindle/options'
import type { AnyNdArray, DType } from '../../base/array.ts'
import { DATA_CLASSES, IS_LITTLE_ENDIAN, swapBytes, viewAs } from '../../base/dtypes.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import { mediaOptions } from '../../base/options.ts'
import { readWith, readWithSync } from '../../files/read-with.ts'
import { MemoryReader } from '../../files/reader.ts'
import { type Routine, runSync, TURN, TURN_BYTES } from '../../files/routine.ts'
import {
  checkSource,
  checkSyncSource,
  type MediaSource,
  type SyncSource,
} from '../../files/source.ts'
import { type UrlOptions, urlRules } from '../../files/url-options.ts'
import {
  headerLength,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  type TensorPlace,
} from './safetensors-header.ts'

/** Options of `parseSafetensors`. */
export interface ParseSafetensorsOptions {
  /** Names of the tensors to give. Default: all. From a file, only these are read. */
  readonly names?: readonly string[]
}

/** Options of `loadSafetensors`. */
export interface LoadSafetensorsOptions extends ParseSafetensorsOptions, UrlOptions {
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const parseRules = {
  names: list<readonly string[]>('texts', (name) => typeof name === 'string'),
} satisfies Rules<ParseSafetensorsOptions>
const parseOptions = mediaOptions('ParseSafetensorsOptions', parseRules)
const loadOptions = mediaOptions('LoadSafetensorsOptions', {
  ...parseRules,
  signal: signalRule(),
  ...urlRules,
} satisfies Rules<LoadSafetensorsOptions>)

/** Arrays by name, and what was noted with them. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: Readonly<Record<string, AnyNdArray>>
}

/**
 * Loads tensors in the safetensors format from a path, URL, Blob or bytes.
 *
 * @returns the tensors, row-major: views of the bytes that were read, one memory for all. bfloat16,
 *   for which there is no typed array, becomes float32; float16 is given as its 16 bits, as
 *   `loadNpy` does
 * @throws MediaError `ERR_DECODE` for a damaged or malformed file; `ERR_UNSUPPORTED` for other
 *   dtypes; `ERR_NO_MEMBER` for a name that the file does not have; `ERR_TOO_LARGE` for a header of
 *   more than 100 MB; `ERR_READ`; `ERR_BAD_OPTION`
 * @throws the signal's reason, when aborted
 */
export async function loadSafetensors(
  source: MediaSource,
  options: LoadSafetensorsOptions = {},
): Promise<Safetensors> {
  checkSource(source, 'source')
  const { names } = loadOptions.check(options)
  return readWith(source, options, ({ size }) => readSafetensors(size, names))
}

/** {@link loadSafetensors} for worker ops, done when it returns. @throws MediaError the same */
export function loadSafetensorsSync(
  source: SyncSource,
  options: ParseSafetensorsOptions = {},
): Safetensors {
  checkSyncSource(source, 'source')
  const { names } = parseOptions.check(options)
  return readWithSync(source, ({ size }) => readSafetensors(size, names))
}

/** The tensors of a safetensors file in memory, as views of it; see `loadSafetensors`. */
export function parseSafetensors(
  bytes: Uint8Array | ArrayBuffer,
  options: ParseSafetensorsOptions = {},
): Safetensors {
  parseOptions.check(options)
  if (!(bytes instanceof Uint8Array) && !(bytes instanceof ArrayBuffer))
    throw badOption('bytes', 'a Uint8Array or ArrayBuffer', bytes)
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes
  const reader = new MemoryReader(view)
  return runSync(readSafetensors(view.byteLength, options.names), { reader })
}

/** Reads the header of a file. */
export function* readSafetensorsHeader(size: number): Routine<SafetensorsHeader> {
  const start = yield { kind: 'read', offset: 0, length: Math.min(size, 8) }
  const length = headerLength(start, size)
  const json = yield { kind: 'read', offset: 8, length }
  return parseSafetensorsHeader(json, size)
}

function* readSafetensors(
  size: number,
  names: readonly string[] | undefined,
): Routine<Safetensors> {
  const { metadata, tensors } = yield* readSafetensorsHeader(size)
  const wanted = names ?? [...tensors.keys()]
  const found: [string, AnyNdArray][] = []
  for (const name of wanted) {
    const place = tensors.get(name)
    if (place === undefined)
      throw new MediaError('ERR_NO_MEMBER', `there is no tensor ${JSON.stringify(name)}`)
    const { start, end } = place
    const bytes = yield { kind: 'read', offset: start, length: end - start }
    found.push([name, yield* arrayOf(place, bytes)])
  }
  return { metadata, tensors: Object.fromEntries(found) }
}

function* arrayOf(place: TensorPlace, bytes: Uint8Array): Routine<AnyNdArray> {
  const { dtype, shape, isBfloat16 } = place
  let little = bytes
  if (!IS_LITTLE_ENDIAN) {
    little = Uint8Array.from(bytes)
    swapBytes(little, isBfloat16 ? 2 : DATA_CLASSES[dtype].BYTES_PER_ELEMENT)
  }
  if (!isBfloat16) return { data: viewAs(dtype as DType, little), dtype, shape } as AnyNdArray
  const halves = viewAs('uint16', little)
  const data = new Float32Array(halves.length)
  const bits = new Uint32Array(data.buffer)
  const step = TURN_BYTES / 4
  for (let at = 0; at < halves.length; at += step) {
    // bfloat16 is the upper half of a float32.
    const end = Math.min(halves.length, at + step)
    for (let i = at; i < end; i++) bits[i] = (halves[i] as number) << 16
    yield TURN
  }
  return { data, dtype: 'float32', shape } as AnyNdArray
}
