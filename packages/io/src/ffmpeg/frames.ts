import type { Frame } from 'node-av/lib'
import { check, type FFmpeg } from './library.ts'

/** The format of a frame with its own memory. */
export type FrameShape = Partial<
  Pick<Frame, 'width' | 'height' | 'nbSamples' | 'sampleRate' | 'channelLayout' | 'colorRange'>
> & { readonly format: number }

/** A frame without memory, to be filled. The caller frees it. */
export function emptyFrame({ av }: FFmpeg): Frame {
  const frame = new av.Frame()
  frame.alloc()
  return frame
}

/**
 * A frame with memory for a picture or samples. The caller frees it. With an `alignment` of 1, rows
 * have no padding and can be copied at once; 0 is FFmpeg's own choice.
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
