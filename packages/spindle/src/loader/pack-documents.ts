import type { Aggregator } from '../engine/types.ts'
import { SpindleError } from '../errors.ts'
import { integer, options, type Rule, type Rules } from '../options/index.ts'
import { type TokenDocument, tokensOf } from './token-document.ts'

/** Options of `packDocuments()`. */
export interface PackOptions {
  /** Maximum number of tokens per pack, an integer >= 1: the input length of the model. */
  readonly maxTokens: number
  /**
   * Number of packs that may wait for more documents, an integer >= 1. More packs leave less
   * padding but hold more documents. Default 32.
   */
  readonly openPacks?: number
  /** Maximum number of documents per pack, an integer >= 1. Default: no limit. */
  readonly maxDocuments?: number
}

/** The rules of {@link PackOptions}. */
export const packRules: { readonly [N in keyof PackOptions]-?: Rule<number, 'always'> } = {
  maxTokens: integer({ min: 1, required: true, unit: 'tokens' }),
  openPacks: integer({ min: 1, default: 32 }),
  maxDocuments: integer({ min: 1, orInfinity: true, default: Number.POSITIVE_INFINITY }),
}

const packOptions = options('PackOptions', packRules satisfies Rules<PackOptions>)

/**
 * Packs documents that fit into `maxTokens` together: an aggregator for `aggregate()` whose batches
 * are arrays of documents. Each document goes into the open pack in which it leaves the least room
 * (best fit). If no pack has room, a new one is opened; if more than `openPacks` are then open, the
 * fullest is given. The packs depend only on the order of documents. A document without tokens goes
 * into the next pack that is given; if no pack follows, it is left out.
 *
 * Holds at most `openPacks` x `maxTokens` tokens. The stage fails with `ERR_TOO_LARGE` for a
 * document above `maxTokens`: cut such documents with `splitDocuments()` first.
 *
 * @throws `ERR_BAD_OPTION` for a wrong option.
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { PipelineBuilder } from 'spindle'
 * import { packDocuments } from 'spindle/loader'
 *
 * const documents = [[1, 1, 1], [2, 2], [3, 3, 3], [4]]
 * const pipeline = new PipelineBuilder().addSource(documents).aggregate(packDocuments<number[]>({ maxTokens: 4 })).build()
 * const packs: number[][][] = []
 * for await (const pack of pipeline) packs.push(pack)
 * assert.deepEqual(packs, [[[1, 1, 1], [4]], [[3, 3, 3]], [[2, 2]]])
 * ```
 */
export function packDocuments<D extends TokenDocument>(
  options: PackOptions,
): () => Aggregator<D, D[]> {
  const { maxTokens, openPacks, maxDocuments } = packOptions.check(options)
  return () => new Packs(maxTokens, openPacks, maxDocuments)
}

interface Pack<D> {
  readonly documents: D[]
  room: number
}

class Packs<D extends TokenDocument> implements Aggregator<D, D[]> {
  readonly #maxTokens: number
  readonly #openPacks: number
  readonly #maxDocuments: number
  /** In the order in which they were opened. Of equally full packs, the first wins. */
  readonly #open: Pack<D>[] = []
  /** Documents without tokens. They take no room and do not open a pack. */
  #empty: D[] = []

  constructor(maxTokens: number, openPacks: number, maxDocuments: number) {
    this.#maxTokens = maxTokens
    this.#openPacks = openPacks
    this.#maxDocuments = maxDocuments
  }

  accumulate(document: D): D[] | undefined {
    const size = tokensOf(document).length
    if (size > this.#maxTokens) throw tooLong(size, this.#maxTokens)
    if (size === 0) {
      this.#empty.push(document)
      return undefined
    }
    let pack = this.#bestFor(size)
    if (pack === undefined) {
      pack = { documents: [], room: this.#maxTokens }
      this.#open.push(pack)
    }
    pack.documents.push(document)
    pack.room -= size
    if (pack.room === 0 || pack.documents.length >= this.#maxDocuments) return this.#take(pack)
    return this.#open.length > this.#openPacks ? this.flush() : undefined
  }

  #bestFor(size: number): Pack<D> | undefined {
    let best: Pack<D> | undefined
    for (const pack of this.#open) {
      if (pack.room >= size && (best === undefined || pack.room < best.room)) best = pack
    }
    return best
  }

  /** Gives the fullest pack. */
  flush(): D[] | undefined {
    let fullest = this.#open[0]
    if (fullest === undefined) return undefined
    for (const pack of this.#open) if (pack.room < fullest.room) fullest = pack
    return this.#take(fullest)
  }

  hasRest(): boolean {
    return this.#open.length > 0
  }

  #take(pack: Pack<D>): D[] {
    this.#open.splice(this.#open.indexOf(pack), 1)
    if (this.#empty.length === 0) return pack.documents
    const documents = [...pack.documents, ...this.#empty]
    this.#empty = []
    return documents
  }
}

function tooLong(size: number, maxTokens: number): SpindleError {
  return new SpindleError(
    'ERR_TOO_LARGE',
    `a document of ${size} tokens is above \`maxTokens\` ${maxTokens}: split such documents first with .pipe(splitDocuments({ maxTokens: ${maxTokens} })) before, or filter them`,
  )
}
