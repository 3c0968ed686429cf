import { MediaError, type MediaErrorCode } from '../base/errors.ts'

/** A part of a file that could not be read or decoded. */
export interface ChainFailure {
  /** Its time in seconds, if known. */
  readonly timeSec: number | undefined
  /** FFmpeg's message. */
  readonly problem: string
}

/** Number of failures that are kept; the rest is only counted. */
const KEPT = 100

/** Counts failures, or throws at once if `strict`. */
export class Failures {
  readonly #isStrict: boolean
  readonly #kept: ChainFailure[] = []
  #count = 0

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  /** Number of failures. */
  get count(): number {
    return this.#count
  }

  /** The first hundred failures. */
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
