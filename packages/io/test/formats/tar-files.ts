import fc from 'fast-check'

/** A file of an archive. */
export interface File {
  readonly path: string
  readonly data: Uint8Array
}

const name = fc
  .stringMatching(/^[a-zA-Z0-9 äß猫_-][a-zA-Z0-9 .äß猫_-]{0,120}$/)
  .filter((text) => Buffer.byteLength(text) <= 250)
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024), fc.nat(5000))
const data = fc
  .tuple(size, fc.nat(255))
  .map(([length, seed]) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 255))
/** Files whose paths are not folders of others. */
export const files: fc.Arbitrary<File[]> = fc
  .uniqueArray(fc.record({ path, data }), { selector: (file) => file.path, maxLength: 6 })
  .map((list) =>
    list.filter(({ path: one }) => !list.some(({ path: other }) => other.startsWith(`${one}/`))),
  )

/** The same lists each time, as scripts/truth has them written by other programs. */
export function sampleOfLists(count: number): File[][] {
  return fc.sample(files, { numRuns: count, seed: 12 })
}
