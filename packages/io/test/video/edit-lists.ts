/**
 * An edit of a track (ISO/IEC 14496-12, 8.6.6): how long it lasts, and where in the track it
 * begins; -1 for nothing to show. In seconds.
 */
export interface Edit {
  readonly forSec: number
  readonly fromSec: number
}

/**
 * An MP4 file whose index lies at its end, with other edits in its first track, which must be the
 * pictures. Edits begin at the time stamps that are stored, of which the first is not 0 where there
 * are B-frames.
 */
export function withEdits(mp4: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const file = Buffer.from(mp4)
  const moov = boxAt(file, 0, file.length, 'moov')
  if (moov.end !== file.length) throw new Error('the index must be the end of the file')
  const inMoov = (type: string): Box => boxAt(file, moov.start + 8, moov.end, type)
  const trak = inMoov('trak')
  const inTrak = (type: string): Box => boxAt(file, trak.start + 8, trak.end, type)
  const mdhd = boxAt(file, inTrak('mdia').start + 8, inTrak('mdia').end, 'mdhd')
  const list = editList(edits, timescaleOf(file, inMoov('mvhd')), timescaleOf(file, mdhd))
  const header = inTrak('tkhd')
  const old = find(file, trak.start + 8, trak.end, 'edts') ?? { start: header.end, end: header.end }
  const made = Buffer.concat([file.subarray(0, old.start), list, file.subarray(old.end)])
  for (const { start, end } of [moov, trak])
    made.writeUInt32BE(end - start + list.length - (old.end - old.start), start)
  return made
}

/**
 * The same file, whose pictures lie in another one by the word of its data reference (QuickTime's
 * alias record).
 */
export function withReference(mp4: Uint8Array, place: string): Uint8Array {
  const file = Buffer.from(mp4)
  const path = ['moov', 'trak', 'mdia', 'minf', 'dinf', 'dref']
  const boxes: Box[] = []
  for (const type of path) {
    const { start, end } = boxes.at(-1) ?? { start: -8, end: file.length }
    boxes.push(boxAt(file, start + 8, end, type))
  }
  const { start, end } = boxes.at(-1)!
  if (boxes[0]!.end !== file.length) throw new Error('the index must be the end of the file')
  const name = Buffer.from(place)
  const alias = Buffer.alloc(12 + 150 + 8 + name.length + (name.length & 1))
  alias.writeUInt32BE(alias.length, 0)
  alias.write('alis', 4, 'latin1')
  alias[22] = Math.min(name.length, 27)
  alias.writeUInt16BE(1, 142)
  alias.writeUInt16BE(1, 144)
  // Entry 2 is the absolute path; the one behind it ends the record.
  const at = 162
  alias.writeUInt16BE(2, at)
  alias.writeUInt16BE(name.length, at + 2)
  name.copy(alias, at + 4)
  alias.writeUInt16BE(0xffff, at + 4 + name.length + (name.length & 1))
  const made = Buffer.concat([file.subarray(0, start + 16), alias, file.subarray(end)])
  for (const box of boxes)
    made.writeUInt32BE(box.end - box.start + made.length - file.length, box.start)
  return made
}

function editList(edits: readonly Edit[], movie: number, media: number): Buffer {
  const list = Buffer.alloc(24 + edits.length * 12)
  list.writeUInt32BE(list.length, 0)
  list.write('edts', 4, 'latin1')
  list.writeUInt32BE(list.length - 8, 8)
  list.write('elst', 12, 'latin1')
  list.writeUInt32BE(edits.length, 20)
  for (const [i, { forSec, fromSec }] of edits.entries()) {
    const at = 24 + i * 12
    list.writeUInt32BE(Math.round(forSec * movie), at)
    list.writeInt32BE(fromSec < 0 ? -1 : Math.round(fromSec * media), at + 4)
    list.writeUInt32BE(0x10000, at + 8)
  }
  return list
}

interface Box {
  readonly start: number
  readonly end: number
}

function boxAt(file: Buffer, start: number, end: number, type: string): Box {
  const box = find(file, start, end, type)
  if (box === undefined) throw new Error(`no ${type}`)
  return box
}

function find(file: Buffer, start: number, end: number, type: string): Box | undefined {
  for (let at = start; at < end; at += file.readUInt32BE(at)) {
    if (file.toString('latin1', at + 4, at + 8) === type)
      return { start: at, end: at + file.readUInt32BE(at) }
  }
  return undefined
}

function timescaleOf(file: Buffer, { start }: Box): number {
  return file.readUInt32BE(start + (file[start + 8] === 1 ? 28 : 20))
}
