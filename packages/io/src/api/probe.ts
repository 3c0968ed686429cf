import { currentCall } from 'spindle'
import { type AudioInfo, wavInfo } from '../audio/audio-info.ts'
import { checkKnown, checkSignal } from '../base/check.ts'
import { errorOf, MediaError, nameSource } from '../base/errors.ts'
import { withFile } from '../files/open-file.ts'
import { openReader } from '../files/open-reader.ts'
import { MemoryReader } from '../files/reader.ts'
import { NotReadable, refuseHuge } from '../files/regular.ts'
import { run } from '../files/routine.ts'
import {
  checkSource,
  checkSyncSource,
  describeSource,
  fileFault,
  localSource,
  type MediaSource,
  type SyncSource,
} from '../files/source.ts'
import { fetchingOf, URL_OPTIONS, type UrlOptions } from '../files/url-options.ts'
import { printHead, sniffFormat } from '../image/formats/format.ts'
import { type ImageInfo, inspectImage } from '../image/inspect-image.ts'
import { inspectAudio, unknownMedia } from '../video/inspect-media.ts'
import type { VideoInfo } from '../video/video-info.ts'
import { audioOps } from './audio-ops.ts'
import { runInPool } from './pool.ts'

/** What `probe` tells: `if (info.kind === 'image')` tells them apart. */
export type MediaInfo = ImageInfo | AudioInfo | VideoInfo

/** Options of `probe`. */
export interface ProbeOptions extends UrlOptions {
  /** Gives up: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What is needed to tell an image from anything else. */
const HEAD_BYTES = 256

/**
 * Reads what an image, a sound or a video file says of itself. Needs no library for images and WAV,
 * and `node-av` for the rest.
 *
 * @throws MediaError `ERR_READ` when the source cannot be read, `ERR_DECODE` when it is none of
 *   these or its headers are damaged,
 * `ERR_BACKEND_MISSING` when `node-av` is needed and not installed
 * @throws the signal's reason, when aborted
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
  checkKnown(options, ['signal'], URL_OPTIONS)
  const { signal } = options
  checkSignal(signal)
  signal?.throwIfAborted()
  const reader = await openReader(source, fetchingOf(options))
  try {
    const head = bufferOf(await reader.read(0, Math.min(HEAD_BYTES, reader.size)))
    if (sniffFormat(head) !== undefined || head.length === 0) {
      refuseHuge(reader.size)
      return inspectImage(bufferOf(await reader.read(0, reader.size)), source)
    }
    const wav = await run(wavInfo(reader.size), { reader }, signal)
    if (wav !== undefined) return wav
    const local = localSource(source)
    const isFile = typeof local === 'string' && !(reader instanceof MemoryReader)
    const bytes = isFile ? local : await reader.read(0, reader.size)
    const told = await runInPool(
      audioOps.probe,
      { source: bytes, head: printHead(head) },
      signal,
      caller,
    )
    if ('problem' in told) throw errorOf(told, describeSource(source))
    return told
  } catch (error) {
    signal?.throwIfAborted()
    throw named(error, source)
  } finally {
    await reader.close()
  }
}

/** The same as `probe`, at once. @throws MediaError as `probe` */
export function probeSync(source: SyncSource): MediaInfo {
  checkSyncSource(source, 'source')
  try {
    return withFile(source, (file) => {
      const { reader } = file
      const head = bufferOf(reader.read(0, Math.min(HEAD_BYTES, reader.size)))
      if (sniffFormat(head) !== undefined || head.length === 0) {
        refuseHuge(reader.size)
        return inspectImage(bufferOf(reader.read(0, reader.size)), source)
      }
      try {
        return inspectAudio(file)
      } catch (error) {
        throw unknownMedia(error, printHead(head))
      }
    })
  } catch (error) {
    throw named(error, source)
  }
}

function named(error: unknown, source: MediaSource): unknown {
  if (error instanceof NotReadable) return fileFault(error, source)
  return error instanceof MediaError && error.source !== undefined
    ? error
    : nameSource(error, describeSource(source))
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
