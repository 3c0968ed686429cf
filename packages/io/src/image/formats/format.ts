/** Formats that are recognised, by their first bytes: a file's name says nothing. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'avif' | 'heic'

/** The format of an image, or `undefined` if it is none of those known. */
export function sniffFormat(bytes: Buffer): ImageFormat | undefined {
  const head = bytes.toString('latin1', 0, 12)
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'webp'
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif'
  if (/^(?:II[*+]\0|MM\0[*+])/.test(head)) return 'tiff'
  if (head.slice(4, 8) === 'ftyp') return heifFormat(bytes)
  // "BM" alone is a weak sign: the size of the header behind it must be one that exists (12 to
  // 124).
  if (head.startsWith('BM') && bytes.length >= 26 && bytes.readUInt32LE(14) <= 124) return 'bmp'
  return undefined
}

/**
 * Brands of still pictures that are coded with HEVC, or that may be coded in any way (ISO/IEC
 * 23008-12, 10 and annex B).
 */
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'mif1', 'mif2']

/** A file of boxes is a picture by its brands; those of sequences alone are videos. */
function heifFormat(bytes: Buffer): ImageFormat | undefined {
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 256)
  let isHeic = false
  for (let at = 8; at + 4 <= end; at += 4) {
    const brand = bytes.toString('latin1', at, at + 4)
    if (brand === 'avif' || brand === 'avis') return 'avif'
    if (at !== 12 && HEIC_BRANDS.includes(brand)) isHeic = true // at 12 is a version
  }
  return isHeic ? 'heic' : undefined
}

/** Formats of pictures that are not read, and what their files begin with. */
const OTHERS: readonly (readonly [string, ...string[]])[] = [
  ['JPEG XL', '\xff\x0a', '\0\0\0\x0cJXL '],
  ['JPEG 2000', '\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'],
  ['JPEG XR', 'II\xbc'],
  ['Photoshop', '8BPS'],
  ['OpenEXR', '\x76\x2f\x31\x01'],
  ['Radiance HDR', '#?RADIANCE', '#?RGBE'],
  ['QOI', 'qoif'],
  ['DirectDraw Surface', 'DDS '],
  ['Windows icon', '\0\0\x01\0', '\0\0\x02\0'],
  ['Netpbm', ...[1, 2, 3, 4, 5, 6, 7].flatMap((kind) => [`P${kind}\n`, `P${kind} `, `P${kind}\r`])],
]

/** The name of a format of pictures that is known and not read. */
export function otherFormat(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1', 0, 12)
  if (head.slice(4) === 'ftypcrx ') return 'Canon CR3'
  return OTHERS.find(([, ...beginnings]) => beginnings.some((one) => head.startsWith(one)))?.[0]
}

/** What an unknown file begins with, for a message. */
export function printHead(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, 12)
  return /^[\x20-\x7e\r\n\t]+$/.test(text)
    ? JSON.stringify(text)
    : `bytes ${bytes.toString('hex', 0, 8)}`
}
