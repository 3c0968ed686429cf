import type { Fetching } from '../files/url-options.ts'

/** What a file is and holds. */
export interface Inspection {
  /**
   * What it is: `jsonl`, `text`, `csv`, `tar`, `zip`, `npy`, `npz`, `safetensors`, `parquet`,
   * `arrow`, `image`, `audio`, `video`, or `unknown`.
   */
  readonly kind: string
  /** Size in bytes. */
  readonly bytes: number
  /** How it is compressed as a whole. */
  readonly compression?: string
  /** Number of records, members, rows or tensors; missing if only reading all of it would tell. */
  readonly records?: number
  /** Its columns or arrays, with dtype and shape or type. */
  readonly fields?: Readonly<Record<string, string>>
  /** Further facts, by name. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>
  /** The first record, shortened. */
  readonly first?: unknown
}

/** A file that is being looked at. */
export interface Inspected {
  readonly place: string | URL
  readonly name: string
  readonly size: number
  readonly head: Buffer
  readonly fetching: Fetching
}
