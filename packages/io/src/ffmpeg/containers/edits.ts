import type { SyncReader } from '../../files/routine.ts'
import { type Mp4Track, readMp4 } from './mp4.ts'

/**
 * Whether the edits of a track show its frames once and in order: optionally a gap at first, then
 * one piece. With other edits, FFmpeg's time stamps go back, and cannot be used for seeks.
 */
function isOnePiece({ edits }: Mp4Track): boolean {
  const shown = edits.filter(({ mediaTime }) => mediaTime >= 0)
  const isLast = shown.length === 0 || edits.at(-1) === shown[0]
  return shown.length <= 1 && isLast && shown.every(({ rate }) => rate === 1)
}

/**
 * Whether the frames of a stream are in the order of their time stamps, so that a seek to a time
 * works. Edit lists may show a piece twice, or a later piece first.
 *
 * @param id FFmpeg's ID of the stream in an MP4 file
 */
export function comesInOrder(reader: SyncReader, id: number): boolean {
  const tracks = readMp4(reader)?.tracks ?? []
  return tracks.every((track) => track.id !== id || isOnePiece(track))
}

/**
 * Number of frames of a track that are shown, from its header; `undefined` if edits may hide some.
 */
export function shownByHeader(track: Mp4Track, isFragmented: boolean): number | undefined {
  const { edits, movieScale, mediaScale, mediaDuration, firstOffset, sampleCount } = track
  const edit = edits.find(({ mediaTime }) => mediaTime >= 0)
  if (edit === undefined || sampleCount === 0) return sampleCount || undefined
  if (!isOnePiece(track) || edit.mediaTime > firstOffset) return undefined
  if (edit.duration === 0) return sampleCount
  if (isFragmented) return undefined
  // The length is rounded to ticks of the movie. A frame is shown if it begins before the end.
  const end = edit.mediaTime + (edit.duration * mediaScale) / movieScale
  const lastBegins = firstOffset + mediaDuration - mediaDuration / sampleCount
  const slack = mediaScale / movieScale + 1
  return end > lastBegins + slack ? sampleCount : undefined
}
