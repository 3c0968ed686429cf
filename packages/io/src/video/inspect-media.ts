import { type AudioInfo, wavInfo } from '../audio/audio-info.ts'
import { bytesOf } from '../base/dtypes.ts'
import { MediaError, nameSource } from '../base/errors.ts'
import type { OpenFile } from '../files/open-file.ts'
import { NotReadable, refuseHuge } from '../files/regular.ts'
import type { Routine } from '../files/routine.ts'
import { describeSource, fileFault, type MediaSource } from '../files/source.ts'
import { printHead, sniffFormat } from '../image/encoded-image.ts'
import { type ImageInfo, inspectImage } from '../image/inspect-image.ts'
import { inspectWithFFmpeg } from './ffmpeg/inspect-container.ts'
import type { VideoInfo } from './video-info.ts'

/** What is needed to tell an image from anything else. */
const HEAD_BYTES = 256

/** What a file says of itself that needs no library, or how it begins. */
export function* inspectPlain(
  size: number,
  source: MediaSource,
): Routine<ImageInfo | AudioInfo | { readonly head: string }> {
  const head = bytesOf(yield { kind: 'read', offset: 0, length: Math.min(HEAD_BYTES, size) })
  if (sniffFormat(head) !== undefined || head.length === 0) {
    refuseHuge(size)
    return inspectImage(bytesOf(yield { kind: 'read', offset: 0, length: size }), source)
  }
  const begins = printHead(head)
  return (yield* wavInfo(size)) ?? { head: begins }
}

/**
 * What FFmpeg tells of a sound or video file that begins so. Throws a `MediaError` or FFmpeg's own
 * error; neither names the source.
 */
export function inspectMedia(file: OpenFile, head: string): AudioInfo | VideoInfo {
  try {
    return inspectWithFFmpeg(file)
  } catch (error) {
    if (error instanceof MediaError) throw error
    throw new Error(
      `neither an image, sound nor video that is known: it begins with ${head} (${(error as Error).message})`,
      { cause: error },
    )
  }
}

/** What is wrong with a source, with its name. */
export function probeFault(error: unknown, source: MediaSource): unknown {
  if (error instanceof NotReadable) return fileFault(error, source)
  return error instanceof MediaError && error.source !== undefined
    ? error
    : nameSource(error, describeSource(source))
}
