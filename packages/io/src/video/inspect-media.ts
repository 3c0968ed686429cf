import { type AudioInfo, wavInfo } from '../audio/audio-info.ts'
import { MediaError } from '../base/errors.ts'
import type { OpenFile } from '../files/open-file.ts'
import { runSync } from '../files/routine.ts'
import { inspectWithFFmpeg } from './ffmpeg/inspect-container.ts'
import type { VideoInfo } from './video-info.ts'

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
