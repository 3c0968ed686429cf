import type { DataOf } from '../../base/array.ts'
import { DATA_CLASSES } from '../../base/dtypes.ts'
import { MediaError } from '../../base/errors.ts'
import type { AudioDType } from '../audio-options.ts'

/** Largest number of elements that are allocated on the word of a header. */
const MOST_BELIEVED = 1 << 24
const LEAST_ROOM = 1 << 12

/**
 * Collects the samples from `first` to before `end`, counted from the beginning of the sound, as
 * they arrive piece by piece.
 */
export class Collector {
  readonly #Data: (typeof DATA_CLASSES)[AudioDType]
  readonly #channels: number
  readonly #lanes: number
  readonly #first: number
  readonly #end: number
  #data: DataOf[AudioDType]
  /** Capacity, in samples per channel. */
  #room: number
  /** Samples per channel that have been collected. */
  count = 0

  /** @param expected samples per channel; an estimate, more memory is allocated as needed */
  constructor(
    format: { readonly dtype: AudioDType; readonly channels: number; readonly isPlanar: boolean },
    [first, end]: readonly [first: number, end: number],
    expected: number,
  ) {
    this.#Data = DATA_CLASSES[format.dtype]
    this.#channels = format.channels
    this.#lanes = format.isPlanar ? format.channels : 1
    this.#first = first
    this.#end = end
    const believed = Math.min(expected, end - first, Math.floor(MOST_BELIEVED / format.channels))
    this.#room = Math.max(0, Math.ceil(believed))
    this.#data = this.#allocate(this.#room)
  }

  /** Whether `position` is after all wanted samples. */
  isPast(position: number): boolean {
    return position >= this.#end
  }

  /** Adds `count` samples per channel. The first is at `position`. */
  add(planes: readonly DataOf[AudioDType][], position: number, count: number): void {
    const skipped = Math.max(0, this.#first - position)
    const taken = Math.min(position + count, this.#end) - (position + skipped)
    if (taken <= 0) return
    this.#makeRoom(this.count + taken)
    const step = this.#channels / this.#lanes
    for (let lane = 0; lane < planes.length; lane++) {
      const samples = planes[lane]!.subarray(skipped * step, (skipped + taken) * step)
      this.#data.set(samples as never, lane * this.#room + this.count * step)
    }
    this.count += taken
  }

  /** Removes and returns the first `count` samples per channel, in the layout of the whole. */
  shift(count: number): DataOf[AudioDType] {
    const step = this.#channels / this.#lanes
    const taken = new this.#Data(count * this.#channels)
    for (let lane = 0; lane < this.#lanes; lane++) {
      const from = lane * this.#room
      taken.set(this.#data.subarray(from, from + count * step) as never, lane * count * step)
      this.#data.copyWithin(from, from + count * step, from + this.count * step)
    }
    this.count -= count
    return taken as DataOf[AudioDType]
  }

  /**
   * Returns all samples, one channel after the other or interleaved; a view if capacity is left.
   */
  finish(): DataOf[AudioDType] {
    this.#resize(this.count)
    return this.#data.subarray(0, this.count * this.#channels) as DataOf[AudioDType]
  }

  #makeRoom(wanted: number): void {
    if (wanted <= this.#room) return
    const room = Math.min(Math.max(wanted, this.#room * 1.5, LEAST_ROOM), this.#end - this.#first)
    const from = this.#data
    const had = this.#room
    this.#room = Math.ceil(room)
    this.#data = this.#allocate(this.#room)
    const step = this.#channels / this.#lanes
    for (let lane = 0; lane < this.#lanes; lane++) {
      const samples = from.subarray(lane * had, lane * had + this.count * step)
      this.#data.set(samples as never, lane * this.#room)
    }
  }

  /** Moves the channels together if the capacity exceeded the samples. */
  #resize(room: number): void {
    for (let lane = 1; lane < this.#lanes; lane++) {
      this.#data.copyWithin(lane * room, lane * this.#room, lane * this.#room + room)
    }
    const isWasteful = this.#room > room + (room >> 3) + LEAST_ROOM
    if (isWasteful) this.#data = this.#data.slice(0, room * this.#channels) as DataOf[AudioDType]
    this.#room = room
  }

  #allocate(room: number): DataOf[AudioDType] {
    try {
      return new this.#Data(room * this.#channels)
    } catch (error) {
      const problem = `no memory for ${room} samples of ${this.#channels} channels`
      throw new MediaError('ERR_UNSUPPORTED', problem, { cause: error })
    }
  }
}
