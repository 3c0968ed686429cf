import { Lane } from './lane.ts'
import type { FFmpeg } from './library.ts'

const IDLE_MS = 5000

interface Waiter {
  readonly take: (lane: Lane) => void
  readonly refuse: (reason: unknown) => void
  readonly signal: AbortSignal | undefined
}

/**
 * The lanes of one thread: at most `size`, made as they are needed, the one used last given first. Calls beyond that wait their turn,
 * so that ten thousand images loaded at once need no more decoders than eight do. When nothing was decoded for 5 s, all are freed.
 */
export class LanePool {
  readonly #ffmpeg: FFmpeg
  readonly #size: number
  readonly #idle: Lane[] = []
  readonly #waiting = new Set<Waiter>()
  readonly #watched = new Map<AbortSignal, { waiting: number; readonly refuseAll: () => void }>()
  #busy = 0
  #idleTimer: NodeJS.Timeout | undefined

  constructor(ffmpeg: FFmpeg, size: number) {
    this.#ffmpeg = ffmpeg
    this.#size = size
  }

  /** Lends a lane to `use`. A lane whose user throws is made anew: what state a failed decoder is in, nobody promises. */
  async with<R>(signal: AbortSignal | undefined, use: (lane: Lane) => Promise<R>): Promise<R> {
    const lane = await this.#acquire(signal)
    let isSound = false
    try {
      const result = await use(lane)
      isSound = true
      return result
    } finally {
      this.#release(lane, isSound)
    }
  }

  #acquire(signal: AbortSignal | undefined): Lane | Promise<Lane> {
    signal?.throwIfAborted()
    if (this.#busy < this.#size) {
      this.#busy += 1
      return this.#idle.pop() ?? new Lane(this.#ffmpeg)
    }
    return new Promise((take, refuse) => {
      this.#waiting.add({ take, refuse, signal })
      if (signal !== undefined) this.#watch(signal)
    })
  }

  #release(lane: Lane, isSound: boolean): void {
    if (isSound) lane.recycle()
    else lane.free()
    for (const next of this.#waiting) {
      this.#leave(next)
      next.take(isSound ? lane : new Lane(this.#ffmpeg))
      return
    }
    this.#busy -= 1
    if (isSound) this.#idle.push(lane)
    if (this.#busy === 0) this.#freeLater()
  }

  /** One listener a signal, however many calls wait with it: Node warns of more than ten. */
  #watch(signal: AbortSignal): void {
    const known = this.#watched.get(signal)
    if (known !== undefined) {
      known.waiting += 1
      return
    }
    const refuseAll = (): void => {
      for (const waiter of this.#waiting) {
        if (waiter.signal !== signal) continue
        this.#leave(waiter)
        waiter.refuse(signal.reason)
      }
    }
    this.#watched.set(signal, { waiting: 1, refuseAll })
    signal.addEventListener('abort', refuseAll)
  }

  #leave(waiter: Waiter): void {
    this.#waiting.delete(waiter)
    const watched = waiter.signal && this.#watched.get(waiter.signal)
    if (watched === undefined || --watched.waiting > 0) return
    waiter.signal!.removeEventListener('abort', watched.refuseAll)
    this.#watched.delete(waiter.signal!)
  }

  #freeLater(): void {
    if (this.#idleTimer === undefined) this.#idleTimer = setTimeout(() => this.#freeIdle(), IDLE_MS).unref()
    else this.#idleTimer.refresh()
  }

  #freeIdle(): void {
    for (const lane of this.#idle.splice(0)) lane.free()
  }
}
