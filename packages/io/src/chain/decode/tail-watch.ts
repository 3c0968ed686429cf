import { isTag, mayBeFrame } from '../../ffmpeg/containers/stray-bytes.ts'
import type { ChainFailure } from '../failure.ts'

/**
 * Tells bytes that somebody put behind a sound from damage: what is no frame waits for the next
 * frame, which makes it damage, or for the end, which makes it nothing. Of pictures all is damage.
 */
export class TailWatch {
  readonly #codec: string
  readonly #isSound: boolean
  #data: Uint8Array = new Uint8Array(0)
  #hasGiven = false
  #waiting: ChainFailure[] = []

  constructor(codec: string, isSound: boolean) {
    this.#codec = codec
    this.#isSound = isSound
  }

  /** A packet goes into the decoder. */
  begin(data: Uint8Array): void {
    this.#data = data
    this.#hasGiven = false
  }

  /** Something could not be decoded; whether it is kept here, and no damage so far. */
  keep(failure: ChainFailure): boolean {
    const data = this.#data
    if (!this.#isSound || data.length === 0) return false
    if (isTag(data)) return true
    const isStray = this.#hasGiven || !mayBeFrame(this.#codec, data)
    if (isStray) this.#waiting.push(failure)
    return isStray
  }

  /** A frame came: what was kept is damage. */
  gave(): readonly ChainFailure[] {
    this.#hasGiven = true
    if (this.#waiting.length === 0) return NONE
    const damage = this.#waiting
    this.#waiting = []
    return damage
  }

  /** The end came: what was kept is none. */
  end(): void {
    this.#data = new Uint8Array(0)
    this.#waiting = []
  }
}

const NONE: readonly ChainFailure[] = []
