import { BELL_WORDS, EventCount } from './event-count.ts'

// Lock-free allocation in shared memory by many threads. A thread may be terminated anywhere, and a
// lock that it holds would never be released.
//
// The memory is divided into segments. A segment in use is divided into slots of one size, which
// its first request sets, until it is empty again. A request takes a slot of a segment whose slots
// fit. Without one it takes an unused segment, or, if all are in use, a slot of any segment whose
// slots are large enough. A request larger than a segment takes several neighbouring segments. The
// operating system provides memory when it is first written, and low segments are used first, so
// memory that is never needed at the same time is never provided.
//
// A place is a granule, the unit in which slots are measured. Each granule has a generation, which
// is counted up at the beginning and the end of each lease: it is odd while a lease begins there,
// otherwise even. So a lease that was given back, by any thread, is recognised by its generation
// (which wraps around after 2^31 uses of one granule).
//
// An allocation has three steps. It counts the slot in the segment's word by compare and exchange,
// so the segment still has that size and room. It finds and sets a bit; there is one, because bits
// are cleared before the count goes down. It counts up the generation. Giving back does the same in
// reverse. A thread that is terminated between two steps loses only that one slot.

/**
 * Maximum number of granules in a segment: a count of slots and a size in granules fit in one word.
 */
const MAX_GRANULES = 1 << 14
const MIN_GRANULE_BYTES = 1024
const COUNT_BITS = 15
const COUNT_MASK = (1 << COUNT_BITS) - 1
/**
 * Marks the segments of a lease that has several. The word of the first one also has their number.
 */
const WHOLE = 1 << 30

// Words of the header.
const MEMBERS = 0
const HIGH_WATER = 1
const COLLECTED = 2
const EVENT_COUNT = 3
const HEADER_WORDS: number = EVENT_COUNT + BELL_WORDS

/** Position of a lease, and the generation that identifies it. */
export interface Place {
  readonly granule: number
  readonly generation: number
}

/** What threads share. */
export interface ArenaMemory {
  readonly control: SharedArrayBuffer
  readonly memory: SharedArrayBuffer
  readonly segmentBytes: number
}

/** The shared part of a `SegmentPool`. */
export class Arena {
  readonly shared: ArenaMemory
  readonly segments: number
  readonly granuleBytes: number
  /** Notified when memory is given back. */
  readonly eventCount: EventCount
  readonly #granules: number
  readonly #header: Int32Array
  readonly #segmentWords: Int32Array
  readonly #bits: Int32Array
  readonly #generations: Int32Array
  readonly #owners: Int32Array

  constructor(shared: ArenaMemory) {
    const { control, memory, segmentBytes } = shared
    this.shared = { control, memory, segmentBytes }
    this.granuleBytes = granuleBytesOf(segmentBytes)
    this.segments = memory.byteLength / segmentBytes
    this.#granules = segmentBytes / this.granuleBytes
    const words = wordsOf(this.segments, this.#granules)
    let at = 0
    const [header, segmentWords, bits, generations, owners] = words.map((length) => {
      const part = new Int32Array(control, at * Int32Array.BYTES_PER_ELEMENT, length)
      at += length
      return part
    }) as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]
    this.#header = header
    this.#segmentWords = segmentWords
    this.#bits = bits
    this.#generations = generations
    this.#owners = owners
    this.eventCount = new EventCount(header, EVENT_COUNT)
  }

  /** `segmentBytes` is a power of two of at least 32 KiB. */
  static make(segmentBytes: number, segments: number): Arena {
    const granules = segmentBytes / granuleBytesOf(segmentBytes)
    const words = wordsOf(segments, granules).reduce((sum, length) => sum + length, 0)
    const control = new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)
    return new Arena({
      control,
      memory: new SharedArrayBuffer(segments * segmentBytes),
      segmentBytes,
    })
  }

  /** Returns a number for a new member. */
  join(): number {
    return Atomics.add(this.#header, MEMBERS, 1) + 1
  }

  /** Number of segments that were ever in use: an upper bound of the real memory. */
  get highWater(): number {
    return Atomics.load(this.#header, HIGH_WATER)
  }

  /** Number of leases that garbage collectors have given back. */
  get collected(): number {
    return Atomics.load(this.#header, COLLECTED)
  }

  /** Bytes of the slots and segments in use. */
  get usedBytes(): number {
    let granules = 0
    for (let segment = 0; segment < this.highWater; segment++) {
      const word = Atomics.load(this.#segmentWords, segment)
      if (word & WHOLE) granules += this.#granules
      else granules += (word >>> COUNT_BITS) * (word & COUNT_MASK)
    }
    return granules * this.granuleBytes
  }

  allocate(byteLength: number, member: number): Place | undefined {
    const granules = Math.max(1, Math.ceil(byteLength / this.granuleBytes))
    const granule =
      granules > this.#granules
        ? this.#takeSegments(Math.ceil(granules / this.#granules))
        : this.#takeSlot(granules)
    if (granule === undefined) return undefined
    Atomics.store(this.#owners, granule, member)
    return { granule, generation: (Atomics.add(this.#generations, granule, 1) + 1) | 0 }
  }

  isLive({ granule, generation }: Place): boolean {
    return Atomics.load(this.#generations, granule) === generation
  }

  /** Makes another member responsible for a place. */
  setOwner({ granule }: Place, member: number): void {
    Atomics.store(this.#owners, granule, member)
  }

  /** Gives a place back; `false` if that was done before. */
  release({ granule, generation }: Place): boolean {
    const after = (generation + 1) | 0
    if (Atomics.compareExchange(this.#generations, granule, generation, after) !== generation)
      return false
    const segment = Math.floor(granule / this.#granules)
    const word = Atomics.load(this.#segmentWords, segment)
    if (word & WHOLE) {
      for (let last = segment + (word & COUNT_MASK) - 1; last >= segment; last--)
        Atomics.store(this.#segmentWords, last, 0)
    } else this.#leaveSlot(segment, (granule - segment * this.#granules) / (word >>> COUNT_BITS))
    this.eventCount.ring()
    return true
  }

  /** As `release`, called by a garbage collector. */
  collect(place: Place): void {
    if (this.release(place)) Atomics.add(this.#header, COLLECTED, 1)
  }

  /** Gives back all places of a member. Returns their number. */
  reclaim(member: number): number {
    let count = 0
    for (const granule of this.#liveGranules()) {
      const generation = Atomics.load(this.#generations, granule)
      if ((generation & 1) === 0 || Atomics.load(this.#owners, granule) !== member) continue
      if (this.release({ granule, generation })) count++
    }
    return count
  }

  *#liveGranules(): Generator<number, void, void> {
    for (let segment = 0; segment < this.highWater; segment++) {
      const word = Atomics.load(this.#segmentWords, segment)
      if (word === 0) continue
      const size = word & WHOLE ? this.#granules : word >>> COUNT_BITS
      for (let at = 0; at + size <= this.#granules; at += size) yield segment * this.#granules + at
    }
  }

  #takeSlot(granules: number): number | undefined {
    const { segments } = this
    const count = this.highWater
    for (let segment = 0; segment < count; segment++) {
      const size = Atomics.load(this.#segmentWords, segment) >>> COUNT_BITS
      // Wastes at most an eighth of the slot.
      if (size >= granules && size - (size >> 3) <= granules) {
        const granule = this.#enter(segment, granules)
        if (granule !== undefined) return granule
      }
    }
    for (let segment = 0; segment < segments; segment++) {
      if (Atomics.load(this.#segmentWords, segment) !== 0) continue
      const word = (granules << COUNT_BITS) | 1
      if (Atomics.compareExchange(this.#segmentWords, segment, 0, word) !== 0) continue
      this.#raiseHighWater(segment + 1)
      return this.#takeBit(segment, granules)
    }
    for (let segment = 0; segment < segments; segment++) {
      const granule = this.#enter(segment, granules)
      if (granule !== undefined) return granule
    }
    return undefined
  }

  /** Takes a slot of a segment that has slots of at least this size. */
  #enter(segment: number, granules: number): number | undefined {
    for (;;) {
      const word = Atomics.load(this.#segmentWords, segment)
      const size = word >>> COUNT_BITS
      if (word & WHOLE || size < granules) return undefined
      if ((word & COUNT_MASK) >= Math.floor(this.#granules / size)) return undefined
      if (Atomics.compareExchange(this.#segmentWords, segment, word, word + 1) === word)
        return this.#takeBit(segment, size)
    }
  }

  #takeBit(segment: number, size: number): number {
    const slots = Math.floor(this.#granules / size)
    const first = segment * (this.#granules >> 5)
    for (;;) {
      for (let at = 0; at << 5 < slots; at++) {
        const bits = Atomics.load(this.#bits, first + at)
        if (bits === -1) continue
        const bit = 31 - Math.clz32(~bits & (bits + 1))
        const slot = (at << 5) + bit
        if (slot >= slots) break
        const mask = 1 << bit
        if ((Atomics.or(this.#bits, first + at, mask) & mask) !== 0)
          at-- // another thread was quicker; try again
        else return segment * this.#granules + slot * size
      }
    }
  }

  #leaveSlot(segment: number, slot: number): void {
    Atomics.and(this.#bits, segment * (this.#granules >> 5) + (slot >> 5), ~(1 << (slot & 31)))
    for (;;) {
      const word = Atomics.load(this.#segmentWords, segment)
      const left = (word & COUNT_MASK) === 1 ? 0 : word - 1
      if (Atomics.compareExchange(this.#segmentWords, segment, word, left) === word) return
    }
  }

  #takeSegments(count: number): number | undefined {
    for (let first = 0; first + count <= this.segments; first++) {
      // Checks before claiming: even a short claim makes requests of other threads fail.
      const unused = this.#unusedFrom(first, count)
      if (unused < count) first += unused
      else if (this.#claimSegments(first, count)) return first * this.#granules
    }
    return undefined
  }

  /** Number of unused segments from `first` on, up to `count`. */
  #unusedFrom(first: number, count: number): number {
    let unused = 0
    while (unused < count && Atomics.load(this.#segmentWords, first + unused) === 0) unused++
    return unused
  }

  #claimSegments(first: number, count: number): boolean {
    for (let taken = 0; taken < count; taken++) {
      if (Atomics.compareExchange(this.#segmentWords, first + taken, 0, WHOLE) === 0) continue
      this.#restoreBuffers(first, taken)
      return false
    }
    Atomics.store(this.#segmentWords, first, WHOLE | count)
    this.#raiseHighWater(first + count)
    return true
  }

  /**
   * Gives up segments that were claimed. Another thread may have wanted them and now waits, so it
   * is notified.
   */
  #restoreBuffers(first: number, count: number): void {
    if (count === 0) return
    for (let segment = first; segment < first + count; segment++)
      Atomics.store(this.#segmentWords, segment, 0)
    this.eventCount.ring()
  }

  #raiseHighWater(to: number): void {
    for (;;) {
      const known = Atomics.load(this.#header, HIGH_WATER)
      if (known >= to || Atomics.compareExchange(this.#header, HIGH_WATER, known, to) === known)
        return
    }
  }
}

function granuleBytesOf(segmentBytes: number): number {
  return Math.max(MIN_GRANULE_BYTES, segmentBytes / MAX_GRANULES)
}

/** Lengths of header, segments' words, bits, generations, owners. */
function wordsOf(segments: number, granules: number): number[] {
  return [
    HEADER_WORDS,
    segments,
    segments * (granules >> 5),
    segments * granules,
    segments * granules,
  ]
}
