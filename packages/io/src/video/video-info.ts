import type { AudioInfo } from '../audio/audio-info.ts'
import type { Orientation } from '../image/orientation.ts'

/** The headers of a video file. */
export interface VideoInfo {
  /** Distinguishes the results of `probe`. */
  readonly kind: 'video'
  /**
   * The container, by FFmpeg's name: `'mp4'` (MOV too), `'matroska'` (WebM too), `'mpegts'`,
   * `'avi'`, …
   */
  readonly format: string
  /** The codec, by FFmpeg's name: `'h264'`, `'hevc'`, `'vp9'`, `'av1'`, `'mpeg4'`, `'mjpeg'`, … */
  readonly codec: string
  /** Width in pixels as shown, with `orientation` applied, as in the result of `loadVideo`. */
  readonly width: number
  /** Height in pixels as shown. */
  readonly height: number
  /** Rotation of frames for display, numbered as in EXIF; 1 means none. */
  readonly orientation: Orientation
  /**
   * Ratio of a pixel's shown width to its height. It differs from 1 in anamorphic video, whose
   * pixels are returned as they are stored.
   */
  readonly pixelAspectRatio: number
  /** Pixel format before conversion, by FFmpeg's name: `'yuv420p'`, `'yuv420p10le'`, … */
  readonly pixelFormat: string
  /** Frames per second, on average; `undefined` if unknown. */
  readonly frameRate: number | undefined
  /**
   * Number of shown frames, as many as `loadVideo` returns, if the headers have it, as in MP4 and
   * AVI. If an edit list hides some, packets are counted, in files of up to 1 GiB. `undefined` if
   * unknown.
   */
  readonly numFrames: number | undefined
  /** Duration in seconds, from the headers; `undefined` if unknown. */
  readonly durationSec: number | undefined
  /**
   * Bits per second, of the stream if the headers have it, otherwise of the whole file; `undefined`
   * if unknown.
   */
  readonly bitRate: number | undefined
  /** Its sound; `undefined` for a video without sound. */
  readonly audio: AudioInfo | undefined
}
