import type { SyncReader } from '../../files/routine.ts'
import { type Mp4Track, readMp4 } from './mp4.ts'

/**
 * Whether the edits of a track leave its frames in the order in which they were taken, each once:
 * nothing to show at first, then one piece. Others give FFmpeg time stamps that go back, by which
 * nothing can be sought.
 */
function isOnePiece({ edits }: Mp4Track): boolean {
  const shown = edits.filter(({ mediaTime }) => mediaTime >= 0)
  const isLast = shown.length === 0 || edits.at(-1) === shown[0]
  return shown.length <= 1 && isLast && shown.every(({ rate }) => rate === 1)
}

/**
 * Whether frames of a stream come in the order of their time stamps, so that a time can be sought.
 * Edit lists may show a piece twice, or a later one first.
 *
 * @param id of the stream, as FFmpeg tells it of an MP4 file
 */
export function comesInOrder(reader: SyncReader, id: number): boolean {
  const tracks = readMp4(reader)?.tracks ?? []
  return tracks.every((track) => track.id !== id || isOnePiece(track))
}

/**
 * How many frames of a track are shown, where its header tells; `undefined` where edits may hide
 * some.
 */
export function shownByHeader(track: Mp4Track, isFragmented: boolean): number | undefined {
  const { edits, movieScale, mediaScale, mediaDuration, firstOffset, sampleCount } = track
  const edit = edits.find(({ mediaTime }) => mediaTime >= 0)
  if (edit === undefined || sampleCount === 0) return sampleCount || undefined
  if (!isOnePiece(track) || edit.mediaTime > firstOffset) return undefined
  if (edit.duration === 0) return sampleCount
  if (isFragmented) return undefined
  // Its length is rounded to ticks of the movie. A frame is shown if it begins before the end.
  const end = edit.mediaTime + (edit.duration * mediaScale) / movieScale
  const lastBegins = firstOffset + mediaDuration - mediaDuration / sampleCount
  const slack = mediaScale / movieScale + 1
  return end > lastBegins + slack ? sampleCount : undefined
}
