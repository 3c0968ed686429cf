import type { StageInfo } from '../../op-context.ts'
import { queueMicrotask } from '../../timers.ts'
import { ItemMemory } from '../memory/call-memory.ts'
import type { BufferPool } from './buffer-pool.ts'
import {
  ABOVE_FLAGS,
  HAS_CONTEXT,
  HAS_LEASES,
  IS_TIMED,
  IS_TRACED,
  type RunMessage,
  SHAPED,
  SKIPS,
} from './call-protocol.ts'
import type { OpNumbers } from './op-numbers.ts'
import type { OpProfiles } from './op-profile.ts'
import type { CallTransport } from './pool-channel.ts'
import type { PoolCounters } from './pool-stats.ts'
import { ShapeWriter } from './shapes.ts'
import type { Task } from './task.ts'

/** Maximum number of buffers of one size that a worker may be owed. */
const MOST_OWED = 64

/**
 * The outgoing messages for one worker. Tasks are gathered during an event loop turn and sent in
 * one message.
 */
export class Sender {
  readonly #transport: CallTransport
  readonly #numbers: OpNumbers
  readonly #profiles: OpProfiles
  readonly #counters: PoolCounters
  readonly #bufferPool: BufferPool
  readonly #hasMemory: boolean
  readonly #refused: (tasks: readonly Task[], errors: readonly unknown[]) => void
  readonly #shapes: ShapeWriter = new ShapeWriter()
  readonly #owed: Map<number, number> = new Map()
  readonly #sentStages: Set<number> = new Set()
  #sentOps = 0
  #tasks: Task[] = []
  #fields: unknown[] = []
  #stages: (number | StageInfo)[] = []
  #taken: number[] = []
  #isWaiting = false
  #isClosed = false

  /**
   * `hasMemory`: whether items may be in pooled shared memory; `refused`: called with tasks whose
   * items cannot be sent.
   */
  constructor(
    transport: CallTransport,
    numbers: OpNumbers,
    profiles: OpProfiles,
    counters: PoolCounters,
    bufferPool: BufferPool,
    hasMemory: boolean,
    refused: (tasks: readonly Task[], errors: readonly unknown[]) => void,
  ) {
    this.#transport = transport
    this.#numbers = numbers
    this.#profiles = profiles
    this.#counters = counters
    this.#bufferPool = bufferPool
    this.#hasMemory = hasMemory
    this.#refused = refused
  }

  add(task: Task): void {
    this.#write(task)
    this.#tasks.push(task)
    this.#sendSoon()
  }

  /** The reader of a slot's generator has taken `count` outputs. */
  took(slot: number, count: number): void {
    this.#taken.push(slot, count)
    this.#sendSoon()
  }

  /**
   * The worker's ops have requested buffers: sizes and counts. It gets buffers back when the pool
   * has some.
   */
  allocated(sizes: readonly number[]): void {
    for (let at = 0; at < sizes.length; at += 2) {
      const size = sizes[at] as number
      this.#bufferPool.expect(size)
      this.#owed.set(size, (this.#owed.get(size) ?? 0) + (sizes[at + 1] as number))
    }
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true
  }

  /** Appends a task to the fields. If that throws, they are unchanged. */
  #write(task: Task): void {
    const { slot, op, call, outputs, item } = task
    const fields = this.#fields
    const at = fields.length
    let head = slot | (op << ABOVE_FLAGS)
    fields.push(head)
    try {
      if (call.onStart !== undefined) head |= IS_TIMED
      if (call.onSpan !== undefined) head |= IS_TRACED
      if (this.#writeContext(task)) head |= HAS_CONTEXT
      if (outputs !== undefined && outputs.received > 0) {
        head |= SKIPS
        fields.push(outputs.received)
      }
      task.itemMemory = this.#hasMemory ? ItemMemory.of(item) : undefined
      if (task.itemMemory !== undefined) {
        head |= HAS_LEASES
        fields.push(task.itemMemory.leases)
      }
      const shapeAt = fields.push(0) - 1
      const shape = this.#shapes.write(fields, item, op)
      if (shape >= 0) {
        head |= SHAPED
        fields[shapeAt] = shape
      } else fields[shapeAt] = this.#pack(item, shapeAt, slot, op)
      fields[at] = head
    } catch (error) {
      fields.length = at
      throw error
    }
  }

  #pack(item: unknown, at: number, slot: number, op: number): unknown {
    if (typeof item !== 'object') return item
    const { stats } = this.#transport
    const before = stats.transferredBytes + stats.copiedBytes
    const packed = this.#transport.pack(item, at, slot, 0)
    this.#profiles.learnItem(op, stats.transferredBytes + stats.copiedBytes - before)
    return packed
  }

  #writeContext({ op, call }: Task): boolean {
    const { context } = call
    if (context === undefined || this.#profiles.of(op).isContextFree) return false
    const { index, attempt, stage, rngKey } = context
    const number = this.#numbers.stageNumberOf(stage)
    if (!this.#sentStages.has(number)) {
      this.#sentStages.add(number)
      this.#stages.push(number, stage)
    }
    this.#fields.push(3 + rngKey.length, index, attempt, number, ...rngKey)
    return true
  }

  #sendSoon(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    queueMicrotask(() => this.#send())
  }

  #send(): void {
    this.#isWaiting = false
    if (this.#isClosed) return
    const tasks = this.#tasks
    this.#tasks = []
    const message = this.#message()
    try {
      this.#transport.send(message)
    } catch {
      const { tasks: _, buffers: __, ...rest } = message
      this.#transport.send(rest)
      this.#sendOneByOne(tasks)
    }
    this.#counters.count(this.#transport.stats)
  }

  /** Takes the gathered message. */
  #message(): RunMessage {
    const message: { -readonly [key in keyof RunMessage]: RunMessage[key] } = {}
    const { references } = this.#numbers
    if (this.#sentOps < references.length) {
      message.ops = references.slice(this.#sentOps)
      this.#sentOps = references.length
    }
    const shapes = this.#shapes.takeNew()
    if (shapes.length > 0) message.shapes = shapes
    if (this.#stages.length > 0) {
      message.stages = this.#stages
      this.#stages = []
    }
    if (this.#owed.size > 0) {
      const buffers = this.#owedBuffers()
      if (buffers.length > 0) message.buffers = buffers
    }
    if (this.#fields.length > 0) {
      message.tasks = this.#fields
      this.#fields = []
    }
    if (this.#taken.length > 0) {
      message.taken = this.#taken
      this.#taken = []
    }
    return message
  }

  #owedBuffers(): ArrayBuffer[] {
    const buffers: ArrayBuffer[] = []
    for (const [size, count] of this.#owed) {
      let left = count
      for (; left > 0; left--) {
        const buffer = this.#bufferPool.take(size)
        if (buffer === undefined) break
        if (!this.#transport.give(buffer)) return buffers
        buffers.push(buffer)
      }
      if (left === 0) this.#owed.delete(size)
      // The debt is limited, because some buffers are never given back.
      else this.#owed.set(size, Math.min(left, MOST_OWED))
    }
    return buffers
  }

  /** Finds which tasks of a message cannot be sent, and sends the others. */
  #sendOneByOne(tasks: readonly Task[]): void {
    const refused: Task[] = []
    const errors: unknown[] = []
    for (const task of tasks) {
      try {
        this.#write(task)
        this.#transport.send(this.#message())
      } catch (error) {
        refused.push(task)
        errors.push(this.#transport.whyNot(task.item, 'item', error))
      }
    }
    this.#refused(refused, errors)
  }
}
