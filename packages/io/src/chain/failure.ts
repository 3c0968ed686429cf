import { MediaError, type MediaErrorCode } from '../base/errors.ts'

/** Something in a file that could not be read or decoded. */
export interface ChainFailure {
  /** When it was to be shown, in seconds, where that is known. */
  readonly timeSec: number | undefined
  /** What FFmpeg says of it. */
  readonly problem: string
}

/** Failures that are kept; the rest is only counted. */
const KEPT = 100

/** What went wrong, counted; or, if `strict`, thrown at once. */
export class Failures {
  readonly #isStrict: boolean
  readonly #kept: ChainFailure[] = []
  #count = 0

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  /** How many there were. */
  get count(): number {
    return this.#count
  }

  /** The first hundred. */
  get kept(): readonly ChainFailure[] {
    return this.#kept
  }

  /** @throws MediaError `ERR_DECODE`, or another code, if strict */
  tell(
    failure: ChainFailure,
    source: string | undefined,
    code: MediaErrorCode = 'ERR_DECODE',
  ): void {
    this.#count += 1
    if (this.#kept.length < KEPT) this.#kept.push(failure)
    if (!this.#isStrict) return
    const when = failure.timeSec === undefined ? '' : ` at ${failure.timeSec.toFixed(3)} s`
    const name = source === undefined ? '' : `${source}: `
    throw new MediaError(
      code,
      `${name}${failure.problem}${when}`,
      source === undefined ? {} : { source },
    )
  }
}
