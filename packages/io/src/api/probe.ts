import { type Rules, signal as signalRule } from 'spindle/options'
import { currentCall } from 'spindle/worker'
import type { AudioInfo } from '../audio/audio-info.ts'
import { mediaOptions } from '../base/options.ts'
import { openReader } from '../files/open-reader.ts'
import { placed } from '../files/placed.ts'
import { MemoryReader } from '../files/reader.ts'
import { run } from '../files/routine.ts'
import { checkSource, describeSource, localSource, type MediaSource } from '../files/source.ts'
import { fetchingOf, type UrlOptions, urlRules } from '../files/url-options.ts'
import type { ImageInfo } from '../image/inspect-image.ts'
import { inspectPlain, probeFault } from '../video/inspect-media.ts'
import type { VideoInfo } from '../video/video-info.ts'
import { resultOf } from './in-pool.ts'
import { videoOps } from './ops.ts'
import { runInPool } from './pool.ts'

/** The result of `probe`; `kind` distinguishes the types: `if (info.kind === 'image')`. */
export type MediaInfo = ImageInfo | AudioInfo | VideoInfo

/** Options of `probe`. */
export interface ProbeOptions extends UrlOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const probeOptions = mediaOptions('ProbeOptions', {
  signal: signalRule(),
  ...urlRules,
} satisfies Rules<ProbeOptions>)

/**
 * Reads the headers of an image, sound or video file. Images and WAV need no library, other files
 * need `node-av`.
 *
 * @throws MediaError `ERR_READ` if the source cannot be read, `ERR_DECODE` if it is none of these
 *   or its headers are damaged, `ERR_BACKEND_MISSING` if `node-av` is needed and not installed
 * @throws the signal's reason if it is aborted
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { encodeWav, probe } from '@spindle/io'
 *
 * const photo = await probe('examples/photos/cat-1.png')
 * assert.ok(photo.kind === 'image')
 * assert.deepEqual([photo.format, photo.width, photo.height, photo.channels], ['png', 320, 240, 3])
 *
 * const silence = { data: new Int16Array(8000), dtype: 'int16', shape: [8000] } as const
 * const sound = await probe(encodeWav(silence, { sampleRate: 16000 }))
 * assert.ok(sound.kind === 'audio')
 * assert.deepEqual([sound.codec, sound.sampleRate, sound.durationSec], ['pcm_s16le', 16000, 0.5])
 * ```
 */
export async function probe(source: MediaSource, options: ProbeOptions = {}): Promise<MediaInfo> {
  const caller = currentCall()
  checkSource(source, 'source')
  const { signal } = probeOptions.check(options)
  const at = placed(source, options)
  signal?.throwIfAborted()
  const reader = await openReader(at.source, fetchingOf(at.options))
  try {
    const told = await run(inspectPlain(reader.size, at.source), { reader }, signal)
    if (!('head' in told)) return told
    const local = localSource(at.source)
    const isFile = typeof local === 'string' && !(reader instanceof MemoryReader)
    const job = { source: isFile ? local : await reader.read(0, reader.size), head: told.head }
    const name = describeSource(at.source)
    return resultOf(await runInPool(videoOps.inspect, job, signal, caller), name)
  } catch (error) {
    signal?.throwIfAborted()
    throw probeFault(error, at.source)
  } finally {
    await reader.close()
  }
}
