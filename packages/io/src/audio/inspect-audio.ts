import { MediaError } from '../errors.ts'
import { runSync } from '../file/routine.ts'
import { type AudioInfo, wavInfo } from './audio-info.ts'
import { inspectWithFFmpeg } from './ffmpeg/inspect.ts'
import type { OpenFile } from './open-file.ts'

/** What a sound file says of itself. Throws a `MediaError` or FFmpeg's own error; neither names the source. */
export function inspectAudio(file: OpenFile): AudioInfo {
  const { reader } = file
  return runSync(wavInfo(reader.size), { reader }) ?? inspectWithFFmpeg(file)
}

/** What is wrong with a file that is neither image nor sound. */
export function unknownMedia(error: unknown, head: string): unknown {
  if (error instanceof MediaError) return error
  const { message } = error as Error
  return new Error(`neither an image nor sound that is known: it begins with ${head} (${message})`, {
    cause: error,
  })
}
