import { imageShape } from '../image/pixel-format.ts'
import type { FramePlacer } from './ffmpeg/placer.ts'
import type { VideoPass } from './ffmpeg/video-pass.ts'
import type { FrameStore } from './frame-store.ts'
import type { VideoTarget } from './video-options.ts'
import type { VideoFault, VideoResult } from './video-results.ts'

/** Frames that were gathered, with what is known of them. */
export function videoResultOf(
  pass: VideoPass,
  { output }: FramePlacer,
  store: FrameStore,
  { image, frameRate }: VideoTarget & { readonly frameRate: number | undefined },
  faults: readonly VideoFault[],
): VideoResult {
  const { dtype, layout, pixelFormat } = image
  return {
    data: store.finish(),
    dtype,
    shape: [store.count, ...imageShape(pixelFormat, layout, output)],
    isPlanar: layout === 'CHW',
    timestampsSec: Float64Array.from(store.timesSec),
    isKeyframe: Uint8Array.from(store.isKeyframe),
    frameRate: frameRate ?? pass.frameRate,
    faults,
  }
}
