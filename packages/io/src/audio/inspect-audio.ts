import { MediaError } from '../errors.ts'
import { runSync, type SyncReader } from '../file/routine.ts'
import { type AudioInfo, wavInfo } from './audio-info.ts'
import { inspectWithFFmpeg } from './ffmpeg/inspect.ts'

/** What a sound file says of itself. Throws a `MediaError` or FFmpeg's own error; neither names the source. */
export function inspectAudio(reader: SyncReader): AudioInfo {
  return runSync(wavInfo(reader.size), { reader }) ?? inspectWithFFmpeg(reader)
}

/** What is wrong with a file that is neither image nor sound. */
export function unknownMedia(error: unknown, head: string): unknown {
  if (error instanceof MediaError) return error
  const { message } = error as Error
  return new Error(`neither an image nor sound that is known: it begins with ${head} (${message})`, {
    cause: error,
  })
}
