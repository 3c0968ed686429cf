import type { Frame } from 'node-av/lib'
import { check, type FFmpeg } from './library.ts'

/** What a frame with memory of its own is like. */
export type FrameShape = Partial<
  Pick<Frame, 'width' | 'height' | 'nbSamples' | 'sampleRate' | 'channelLayout' | 'colorRange'>
> & { readonly format: number }

/** A frame without memory, for others to fill: its caller frees it. */
export function emptyFrame({ av }: FFmpeg): Frame {
  const frame = new av.Frame()
  frame.alloc()
  return frame
}

/**
 * A frame with memory for a picture or samples: its caller frees it. With an `alignment` of 1 rows
 * have no padding, so that they are copied in one go; 0 is FFmpeg's own choice.
 */
export function newFrame(ffmpeg: FFmpeg, shape: FrameShape, alignment = 0): Frame {
  const frame = emptyFrame(ffmpeg)
  try {
    Object.assign(frame, shape)
    check(ffmpeg, frame.getBuffer(alignment), 'making a frame')
    return frame
  } catch (error) {
    frame.free()
    throw error
  }
}
