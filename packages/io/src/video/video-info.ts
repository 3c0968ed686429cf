import type { AudioInfo } from '../audio/audio-info.ts'
import type { Orientation } from '../image/orientation.ts'

/** What the headers of a video file say. */
export interface VideoInfo {
  readonly kind: 'video'
  /**
   * The container, by FFmpeg's name: `'mp4'` (MOV too), `'matroska'` (WebM too), `'mpegts'`,
   * `'avi'`, …
   */
  readonly format: string
  /** By FFmpeg's name: `'h264'`, `'hevc'`, `'vp9'`, `'av1'`, `'mpeg4'`, `'mjpeg'`, … */
  readonly codec: string
  /** Width in pixels as it is shown, which is what `loadVideo` gives: `orientation` is applied. */
  readonly width: number
  /** Height in pixels as it is shown. */
  readonly height: number
  /** How frames are turned to be shown, numbered as in EXIF; 1: not at all. */
  readonly orientation: Orientation
  /**
   * Width of a pixel as it is shown in terms of its height: not 1 in anamorphic video, whose pixels
   * are given as they are stored.
   */
  readonly pixelAspectRatio: number
  /** By FFmpeg's name, before conversion: `'yuv420p'`, `'yuv420p10le'`, … */
  readonly pixelFormat: string
  /** Frames a second, on average; `undefined` where it cannot be told. */
  readonly frameRate: number | undefined
  /**
   * Frames that are shown, as many as `loadVideo` gives, where headers tell how many, as those of
   * MP4 and AVI do. Where an edit list hides some, packets are counted, of files up to 1 GiB.
   */
  readonly numFrames: number | undefined
  /** Length in seconds, as the headers tell; `undefined` where they do not. */
  readonly durationSec: number | undefined
  /**
   * Bits a second, of the stream where the headers tell, else of the whole file; `undefined` where
   * neither is known.
   */
  readonly bitRate: number | undefined
  /** What goes with it; `undefined` for a video without sound. */
  readonly audio: AudioInfo | undefined
}
