import type { Codec } from 'node-av/lib'
import { MediaError } from '../base/errors.ts'
import type { FFmpeg } from './library.ts'

/** Decoders that are never opened, and the reason. `npm run fuzz:decoders` finds such decoders. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['ac4', 'the decoder of AC-4 in this build of FFmpeg ends the whole process on some files'],
])

let whitelist: string | undefined
const names = new Map<number, string>()

/** FFmpeg's name of a codec. The lookup takes 0.2 ms. */
export function codecName({ av }: FFmpeg, id: number): string {
  const known = names.get(id)
  if (known !== undefined) return known
  const name = av.avGetCodecName(id as never) ?? 'none'
  names.set(id, name)
  return name
}

/**
 * The decoder of a codec, or the decoder with that name. `what` is its description, as in 'for
 * h264'.
 *
 * @throws MediaError `ERR_UNSUPPORTED` if this FFmpeg has none, or it is refused
 */
export function findDecoder({ av }: FFmpeg, wanted: number | string, what: string): Codec {
  const codec =
    typeof wanted === 'string'
      ? av.Codec.findDecoderByName(wanted as never)
      : av.Codec.findDecoder(wanted as never)
  const why = REFUSED.get(codec?.name ?? '')
  if (why !== undefined) throw new MediaError('ERR_UNSUPPORTED', why)
  if (codec === null) throw new MediaError('ERR_UNSUPPORTED', `this FFmpeg has no decoder ${what}`)
  return codec
}

/**
 * All decoders except the refused ones, for FFmpeg's `codec_whitelist`: FFmpeg itself opens
 * decoders to inspect streams.
 */
export function codecWhitelist({ av }: FFmpeg): string {
  whitelist ??= av.Codec.getCodecList()
    .filter((codec) => codec.isDecoder() && !REFUSED.has(codec.name ?? ''))
    .map(({ name }) => name)
    .join(',')
  return whitelist
}
