import type { Container } from '../../ffmpeg/container.ts'
import { matroskaFault } from '../../ffmpeg/containers/matroska.ts'
import { mp3Padding } from '../../ffmpeg/containers/mp3.ts'
import { oggFault } from '../../ffmpeg/containers/ogg.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { SyncReader } from '../../files/routine.ts'
import type { PacketSpan } from './audio-decoder.ts'

// FFmpeg does not report a file that ends too early. So the decoded samples are compared with the
// header.

/**
 * Tolerance for the length in a header, which may be off by priming and padding, for example in MP4
 * and Ogg.
 */
const SLACK_SEC = 0.15
/**
 * The delay of every MP3 decoder. FFmpeg cuts it off at the beginning, and cannot make up for it at
 * the end if there is less padding.
 */
const MP3_DELAY = 529

/**
 * Whether a file has everything that its header announces. This is decided by the decoded samples,
 * or by the time stamps of the packets, which include priming and padding of any length.
 *
 * @param at number of samples that were decoded, from the first on
 * @param expected number of samples that the header announces, 0 if it has none
 */
export function isAllThere(
  ffmpeg: FFmpeg,
  { format, stream, declared }: Container,
  packetSpan: PacketSpan | undefined,
  at: number,
  expected: number,
  reader: SyncReader | undefined,
): boolean {
  if (declared === undefined || expected === 0) return true
  const codec = ffmpeg.av.avGetCodecName(stream.codecpar.codecId) ?? ''
  const name = format.iformat?.name
  const ticksPerSample = Number(declared) / expected
  const rate = 1 / (ticksPerSample * secondsOf(stream.timeBase))
  const slack = name === 'mp3' ? mp3Slack(expected, rate, reader) : slackOf(name, codec, rate)
  if (at >= expected - slack) return true
  if (name === 'mp3' || EXACT.has(name ?? '') || packetSpan === undefined) return false
  const { start, end, total } = packetSpan
  const slackTicks = slack * ticksPerSample
  const isAtEnd =
    Number(end) >= Number(declared) - slackTicks ||
    Number(end - start) >= Number(declared) - slackTicks
  // Packets in between may be lost: then time stamps jump, or one Ogg packet claims that duration
  // (Ogg has priming but no edit list).
  const lasting = name === 'ogg' ? at + slack + stream.codecpar.initialPadding : Infinity
  return (
    isAtEnd &&
    Number(total) >= Number(end - start) - slackTicks &&
    Number(total) / ticksPerSample <= lasting
  )
}

/** The defect at the end of a file that has all its samples; `undefined` for none. */
export function oddEnd({ format }: Container, reader: SyncReader): string | undefined {
  const name = format.iformat?.name
  if (name === 'ogg') return oggFault(reader)
  return name?.startsWith('matroska') ? matroskaFault(reader) : undefined
}

/** Formats whose header has the exact number of samples. */
const EXACT: ReadonlySet<string> = new Set(['flac', 'wav', 'w64', 'aiff', 'au', 'caf'])

/** The number of samples by which a header's length may be off. */
function slackOf(format: string | null | undefined, codec: string, sampleRate: number): number {
  const isExact = EXACT.has(format ?? '') && (format === 'flac' || codec.startsWith('pcm_'))
  return isExact ? 0.5 : SLACK_SEC * sampleRate
}

/**
 * The same for MP3. Its length is exact, apart from the decoder's delay, if it has the padding
 * (LAME's tag, which makes it no whole number of frames). Some other writers also count the frame
 * that holds the header.
 */
function mp3Slack(expected: number, sampleRate: number, reader: SyncReader | undefined): number {
  const frame = sampleRate < 32000 ? 576 : 1152
  if (Math.round(expected) % frame === 0) return frame
  const padding = reader === undefined ? undefined : mp3Padding(reader)
  return Math.max(0, MP3_DELAY - (padding ?? 0)) + 1
}

function secondsOf({ num, den }: { readonly num: number; readonly den: number }): number {
  return num / den
}
