import type { CheckedLimits } from '../limits.ts'
import type { Decoders } from './decoders.ts'
import type { FFmpeg } from './library.ts'
import type { MadeFrames } from './made-frames.ts'
import type { Scalers } from './scalers.ts'

/** What a thread decodes a picture with. */
export interface Tools {
  readonly ffmpeg: FFmpeg
  readonly decoders: Decoders
  readonly scalers: Scalers
  readonly made: MadeFrames
  readonly limits: CheckedLimits
}
