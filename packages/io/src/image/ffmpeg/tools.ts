import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { Scalers } from '../../ffmpeg/scalers.ts'
import type { CheckedLimits } from '../image-limits.ts'
import type { MadeFrames } from './made-frames.ts'
import type { Decoders } from './still-decoders.ts'

/** The tools with which a thread decodes a picture. */
export interface Tools {
  readonly ffmpeg: FFmpeg
  readonly decoders: Decoders
  readonly scalers: Scalers
  readonly made: MadeFrames
  readonly limits: CheckedLimits
}
