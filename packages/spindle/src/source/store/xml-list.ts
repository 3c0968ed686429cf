import type { ObjectInfo } from './object-store.ts'

/** One page of a list. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[]
  /** Token of the next page; `undefined` on the last one. */
  readonly next: string | undefined
}

/** Reads a page of S3's ListObjectsV2, which GCS gives too. */
export function readS3Page(text: string): ListPage {
  const objects = elements(text, 'Contents').map((entry) => ({
    name: element(entry, 'Key') ?? '',
    size: Number(element(entry, 'Size') ?? 0),
    version: element(entry, 'ETag'),
    modifiedMs: timeOf(element(entry, 'LastModified')),
  }))
  const isTruncated = element(text, 'IsTruncated') === 'true'
  return { objects, next: isTruncated ? element(text, 'NextContinuationToken') : undefined }
}

/** Reads a page of Azure's List Blobs. */
export function readAzurePage(text: string): ListPage {
  const objects = elements(text, 'Blob').map((entry) => ({
    name: element(entry, 'Name') ?? '',
    size: Number(element(entry, 'Content-Length') ?? 0),
    version: quoted(element(entry, 'Etag')),
    modifiedMs: timeOf(element(entry, 'Last-Modified')),
  }))
  const next = element(text, 'NextMarker')
  return { objects, next: next === '' ? undefined : next }
}

/** The text of an element that occurs once, with entities replaced. */
export function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`)
  if (start === -1) return undefined
  const end = xml.indexOf(`</${name}>`, start)
  return end === -1 ? undefined : decoded(xml.slice(start + name.length + 2, end))
}

/** The insides of all elements of a name; they do not contain one another. */
export function elements(xml: string, name: string): string[] {
  const found: string[] = []
  for (let at = 0; ; ) {
    const start = xml.indexOf(`<${name}>`, at)
    const end = start === -1 ? -1 : xml.indexOf(`</${name}>`, start)
    if (end === -1) return found
    found.push(xml.slice(start + name.length + 2, end))
    at = end
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

function decoded(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex, dec, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole
    const point = hex === undefined ? Number(dec) : Number.parseInt(hex, 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** A text in an element of XML. */
export function encoded(text: string): string {
  return text.replace(/[&<>"']/g, (character) => {
    const name = Object.keys(ENTITIES).find((one) => ENTITIES[one] === character)
    return `&${name};`
  })
}

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

/** Azure's lists give an ETag without quotes, its headers with them. */
function quoted(etag: string | undefined): string | undefined {
  return etag === undefined || etag.startsWith('"') ? etag : `"${etag}"`
}
