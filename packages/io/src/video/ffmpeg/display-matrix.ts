import type { Stream } from 'node-av/lib'
import type { FFmpeg } from '../../ffmpeg/library.ts'
import type { Orientation } from '../../image/orientation.ts'

/**
 * The rotation of a video's frames, from its display matrix (ISO/IEC 14496-12, 8.3.2): quarter
 * turns and mirrorings; other matrices are ignored.
 */
export function orientationOf({ codecpar }: Stream, { constants: c }: FFmpeg): Orientation {
  const matrix = codecpar.getCodedSideData(c.AV_PKT_DATA_DISPLAYMATRIX)
  if (matrix === null || matrix.length < 36) return 1
  const sign = (index: number): number => Math.sign(matrix.readInt32LE(index * 4))
  return ORIENTATIONS[`${sign(0)},${sign(1)},${sign(3)},${sign(4)}`] ?? 1
}

/** By the signs of what a pixel's column, and its row, add to its shown column and row. */
const ORIENTATIONS: Readonly<Record<string, Orientation | undefined>> = {
  ...{ '1,0,0,1': 1, '-1,0,0,1': 2, '-1,0,0,-1': 3, '1,0,0,-1': 4 },
  ...{ '0,1,1,0': 5, '0,1,-1,0': 6, '0,-1,-1,0': 7, '0,-1,1,0': 8 },
}
