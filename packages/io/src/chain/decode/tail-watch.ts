import { isTag, mayBeFrame } from '../../ffmpeg/containers/stray-bytes.ts'
import type { ChainFailure } from '../failure.ts'

/**
 * Distinguishes bytes after a sound from damage. Data that is no frame waits for the next frame,
 * which makes it damage, or for the end, which makes it harmless. In video, all such data are
 * damage.
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

  /** Begins a packet. */
  begin(data: Uint8Array): void {
    this.#data = data
    this.#hasGiven = false
  }

  /** Reports a failure. Returns whether it is held back and does not count yet. */
  keep(failure: ChainFailure): boolean {
    const data = this.#data
    if (!this.#isSound || data.length === 0) return false
    if (isTag(data)) return true
    const isStray = this.#hasGiven || !mayBeFrame(this.#codec, data)
    if (isStray) this.#waiting.push(failure)
    return isStray
  }

  /** Reports a frame: failures that were held back are damage. */
  gave(): readonly ChainFailure[] {
    this.#hasGiven = true
    if (this.#waiting.length === 0) return NONE
    const damage = this.#waiting
    this.#waiting = []
    return damage
  }

  /** Reports the end: failures that were held back are no damage. */
  end(): void {
    this.#data = new Uint8Array(0)
    this.#waiting = []
  }
}

const NONE: readonly ChainFailure[] = []
