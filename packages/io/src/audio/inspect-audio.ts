import { MediaError } from '../errors.ts'
import { runSync } from '../file/routine.ts'
import type { VideoInfo } from '../video/video-info.ts'
import { type AudioInfo, wavInfo } from './audio-info.ts'
import { inspectWithFFmpeg } from './ffmpeg/inspect.ts'
import type { OpenFile } from './open-file.ts'

/**
 * What a sound or video file says of itself. Throws a `MediaError` or FFmpeg's own error; neither
 * names the source.
 */
export function inspectAudio(file: OpenFile): AudioInfo | VideoInfo {
  const { reader } = file
  return runSync(wavInfo(reader.size), { reader }) ?? inspectWithFFmpeg(file)
}

/** What is wrong with a file that is none of image, sound and video. */
export function unknownMedia(error: unknown, head: string): unknown {
  if (error instanceof MediaError) return error
  const { message } = error as Error
  return new Error(
    `neither an image, sound nor video that is known: it begins with ${head} (${message})`,
    {
      cause: error,
    },
  )
}
