/** The header of a JPEG file (ITU-T T.81, annex B), as far as it could be read. */
export interface JpegHeader {
  /** The frame header; `undefined` if there is none before the first scan. */
  readonly frame: JpegFrame | undefined
  /** Start and end of the TIFF structure of its EXIF data; 0 and 0 without. */
  readonly exifStart: number
  readonly exifEnd: number
  /** Offset of the coded data of the first scan; 0 without one. */
  readonly scanStart: number
  /**
   * Offsets of the contents of the frame header, the first scan header, and Adobe's marker; 0
   * without.
   */
  readonly frameStart: number
  readonly scanHeader: number
  readonly adobeStart: number
  /** Whether it has JFIF's marker. */
  readonly isJfif: boolean
  /** See {@link readJpegHeader}. */
  readonly hasOwnTables: boolean
}

/** Size and coding of the picture. */
export interface JpegFrame {
  /** The SOF marker: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, others are rare. */
  readonly marker: number
  readonly width: number
  readonly height: number
  readonly bitDepth: number
  readonly channels: number
}

const SOF0 = 0xc0
const SOF15 = 0xcf
const DHT = 0xc4
const EOI = 0xd9
const SOS = 0xda
const DQT = 0xdb
const APP0 = 0xe0
const APP1 = 0xe1
const APP14 = 0xee

/**
 * Reads the header of a JPEG file in one pass, without allocating objects, because it runs for
 * every file.
 *
 * `hasOwnTables` says whether the file certainly has all tables that its scans use. FFmpeg's
 * decoder replaces missing tables with those of the previous picture, so a damaged file would be
 * decoded with the tables of another.
 */
export function readJpegHeader(bytes: Buffer): JpegHeader {
  let [exifStart, exifEnd, scanStart, frameStart, scanHeader, adobeStart] = [0, 0, 0, 0, 0, 0]
  let isJfif = false
  let frame: JpegFrame | undefined
  const tables = new Tables()
  let hasOwnTables = false
  for (let at = 2; at + 2 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at += 1 // fill byte
      continue
    }
    if (marker === EOI) {
      hasOwnTables = tables.isComplete
      break
    }
    if (at + 4 > bytes.length) break
    const [start, end] = [at + 4, at + 2 + bytes.readUInt16BE(at + 2)]
    if (end > bytes.length || end < start) break
    at = end
    if (marker === SOS) {
      if (scanStart === 0) {
        scanStart = end
        scanHeader = start
      }
      tables.addScan(bytes, start, end)
      // The common kind has one scan with everything.
      if (tables.isWholeScan || !tables.isComplete) {
        hasOwnTables = tables.isComplete
        break
      }
      at = endOfScan(bytes, end)
    } else if (marker === DQT) tables.addQuantisers(bytes, start, end)
    else if (marker === DHT) tables.addHuffman(bytes, start, end)
    else if (marker === APP1) {
      if (exifStart === 0 && bytes.toString('latin1', start, start + 6) === 'Exif\0\0') {
        exifStart = start + 6
        exifEnd = end
      }
    } else if (marker === APP0) {
      if (end - start >= 5 && bytes.toString('latin1', start, start + 5) === 'JFIF\0') isJfif = true
    } else if (marker === APP14) {
      if (end - start >= 12 && bytes.toString('latin1', start, start + 5) === 'Adobe')
        adobeStart = start
    } else if (isFrameHeader(marker) && end - start >= 6) {
      tables.addFrame(bytes, start, end)
      if (frameStart === 0 && end - start >= 6 + 3 * bytes[start + 5]!) frameStart = start
      frame ??= {
        marker,
        width: bytes.readUInt16BE(start + 3),
        height: bytes.readUInt16BE(start + 1),
        bitDepth: bytes[start]!,
        channels: bytes[start + 5]!,
      }
    }
  }
  return {
    ...{
      frame,
      exifStart,
      exifEnd,
      scanStart,
      frameStart,
      scanHeader,
      adobeStart,
      isJfif,
      hasOwnTables,
    },
  }
}

/**
 * Whether a JPEG file has a scan, but no end marker after it. If only the last few bytes are cut
 * off, FFmpeg does not report that, even in strict mode.
 */
export function lacksJpegEnd(bytes: Buffer, { scanStart }: JpegHeader): boolean {
  return scanStart > 0 && bytes.lastIndexOf(END) < scanStart
}

const END = Buffer.of(0xff, EOI)

/** SOF0 to SOF15; 0xc4, 0xc8 and 0xcc among them are tables. */
function isFrameHeader(marker: number): boolean {
  return marker >= SOF0 && marker <= SOF15 && ((marker & 3) !== 0 || marker === SOF0)
}

/** Offset of the next marker after coded data; restart markers are part of the data. */
function endOfScan(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at
  }
  return bytes.length
}

/**
 * The tables that a file has defined, and whether its scans used others. Sets of small numbers are
 * stored as bits.
 */
class Tables {
  /** Whether every scan had its tables. */
  isComplete = true
  /** Whether the last scan had all components and frequencies. */
  isWholeScan = false
  #quantisers = 0
  #dc = 0
  #ac = 0
  /** Numbers of the components, and the quantiser of each. */
  readonly #components: number[] = []
  readonly #quantiserOf: number[] = []

  addQuantisers(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += 1 + (bytes[at]! >> 4 === 0 ? 64 : 128))
      this.#quantisers |= 1 << (bytes[at]! & 15)
  }

  addHuffman(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at + 17 <= end; ) {
      const id = 1 << (bytes[at]! & 15)
      if (bytes[at]! >> 4 === 0) this.#dc |= id
      else this.#ac |= id
      let codes = 0
      for (let i = 1; i <= 16; i++) codes += bytes[at + i]!
      at += 17 + codes
    }
  }

  addFrame(bytes: Buffer, start: number, end: number): void {
    for (let at = start + 6; at + 3 <= end; at += 3) {
      this.#components.push(bytes[at]!)
      this.#quantiserOf.push(bytes[at + 2]! & 15)
    }
  }

  addScan(bytes: Buffer, start: number, end: number): void {
    const count = bytes[start] ?? 0
    const after = start + 1 + 2 * count
    if (after + 3 > end) {
      this.isComplete = false
      return
    }
    const [from, to, isRefined] = [bytes[after]!, bytes[after + 1]!, bytes[after + 2]! > 15]
    for (let at = start + 1; at < after; at += 2) {
      const component = this.#components.indexOf(bytes[at]!)
      const used = bytes[at + 1]!
      const hasQuantiser =
        component >= 0 && (this.#quantisers >> this.#quantiserOf[component]!) % 2 !== 0
      const hasDc = from !== 0 || isRefined || (this.#dc >> (used >> 4)) % 2 !== 0
      const hasAc = to === 0 || (this.#ac >> (used & 15)) % 2 !== 0
      if (!hasQuantiser || !hasDc || !hasAc) this.isComplete = false
    }
    this.isWholeScan = from === 0 && to === 63 && count === this.#components.length
  }
}
