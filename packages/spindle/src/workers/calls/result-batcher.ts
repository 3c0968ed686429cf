import { threadId } from 'node:worker_threads'
import { SpindleError } from '../../errors.ts'
import { sinceEpoch } from '../../timers.ts'
import type { CallMemory } from '../memory/call-memory.ts'
import { toWire } from '../transport/wire-error.ts'
import type { WorkerBuffers } from './buffer-pool.ts'
import {
  ABOVE_FLAGS,
  FIELDS_OF_BUSY,
  HAS_LEASES,
  OUTPUT,
  type ResultMessage,
  SHAPED,
  THREW,
} from './call-protocol.ts'
import type { CallTransport, WorkerControl } from './pool-channel.ts'
import { ShapeWriter } from './shapes.ts'

interface Unsent {
  readonly slot: number
  readonly kind: number
  readonly value: unknown
  /** Number of the op. */
  readonly op: number
  /** Number of the output within its slot. */
  readonly part: number
  /** Shared memory that the value may be in. */
  readonly memory: CallMemory | undefined
}

/**
 * Results that a worker has not sent yet. They are sent together: at the end of an event loop turn,
 * or when the first has waited one millisecond.
 */
export class ResultBatcher {
  readonly contextFree: number[] = []
  /** Numbers of ops whose `init` has been called. */
  readonly initialised: number[] = []
  /** For traced tasks: repeated slot, beginning, end. */
  readonly spans: number[] = []
  readonly #transport: CallTransport
  readonly #control: WorkerControl
  readonly #bufferPool: WorkerBuffers
  readonly #shapes: ShapeWriter = new ShapeWriter()
  #results: unknown[] = []
  /** The original results, to find the one that cannot be sent. */
  #unsent: Unsent[] = []
  #busy: number[] = []

  readonly #outputRefused: (slot: number) => void

  /** `outputRefused`: called when an output of a generator cannot be sent, which ends its task. */
  constructor(
    transport: CallTransport,
    control: WorkerControl,
    bufferPool: WorkerBuffers,
    outputRefused: (slot: number) => void,
  ) {
    this.#outputRefused = outputRefused
    this.#bufferPool = bufferPool
    this.#transport = transport
    this.#control = control
  }

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    return (
      this.#results.length === 0 &&
      this.#busy.length === 0 &&
      this.contextFree.length === 0 &&
      this.initialised.length === 0
    )
  }

  /** Notes that a call has blocked the worker. */
  held(op: number, ms: number): void {
    const busy = this.#busy
    // Consecutive calls mostly are of the same op, so most calls add to the last entry.
    const last = busy.length - FIELDS_OF_BUSY
    if (busy[last] === op) {
      busy[last + 1] = (busy[last + 1] as number) + 1
      busy[last + 2] = (busy[last + 2] as number) + ms
    } else busy.push(op, 1, ms)
  }

  /** `part`: number of the output within its slot. */
  value(
    slot: number,
    kind: number,
    value: unknown,
    op: number,
    part = 0,
    memory?: CallMemory,
  ): void {
    this.#add({ slot, kind, value, op, part, memory })
  }

  error(slot: number, thrown: unknown): void {
    this.#add({ slot, kind: THREW, value: toWire(thrown), op: 0, part: 0, memory: undefined })
  }

  /** Adds a result that has no value. */
  mark(slot: number, kind: number): void {
    this.#add({ slot, kind, value: undefined, op: 0, part: 0, memory: undefined })
  }

  #add(result: Unsent): void {
    try {
      this.#write(result)
      this.#unsent.push(result)
    } catch (error) {
      this.#refuse(result, error)
    }
  }

  /** Fails the task of a result that cannot be sent. */
  #refuse({ slot, kind, value, memory }: Unsent, error: unknown): void {
    memory?.drop()
    this.error(slot, this.#whyNot(value, error))
    if (kind === OUTPUT) this.#outputRefused(slot)
  }

  #whyNot(value: unknown, error: unknown): unknown {
    // A value whose memory was given back has its own error.
    return error instanceof SpindleError ? error : this.#transport.whyNot(value, 'result', error)
  }

  /** Appends a result. If that throws, the list is unchanged. */
  #write({ slot, kind, value, op, part, memory }: Unsent): void {
    const results = this.#results
    let head = slot | (kind << ABOVE_FLAGS)
    if (kind > OUTPUT) {
      results.push(head)
      return
    }
    const start = results.length
    try {
      const leases = memory?.handOver(value) ?? []
      if (leases.length > 0) {
        head |= HAS_LEASES
        results.push(head, leases)
      } else results.push(head)
      const at = results.push(0) - 1
      const shape = kind === THREW ? -1 : this.#shapes.write(results, value, op)
      if (shape >= 0) {
        results[start] = head | SHAPED
        results[at] = shape
      } else results[at] = kind === THREW ? value : this.#transport.pack(value, at, slot, part)
    } catch (error) {
      results.length = start
      throw error
    }
  }

  flush(): void {
    if (this.isEmpty) return
    this.#control.settle()
    const unsent = this.#unsent
    this.#unsent = []
    const message = this.#message()
    try {
      this.#transport.send(message)
    } catch {
      this.#sendApart(message, unsent)
    }
  }

  /** Takes the gathered results. */
  #message(): ResultMessage {
    const message: { -readonly [key in keyof ResultMessage]: ResultMessage[key] } = {}
    const shapes = this.#shapes.takeNew()
    if (shapes.length > 0) message.shapes = shapes
    if (this.#results.length > 0) {
      message.results = this.#results
      this.#results = []
      message.sentAt = sinceEpoch()
    }
    if (this.#busy.length > 0) {
      message.busy = this.#busy
      this.#busy = []
    }
    if (this.contextFree.length > 0) message.contextFree = this.contextFree.splice(0)
    if (this.initialised.length > 0) message.initialised = this.initialised.splice(0)
    if (this.spans.length > 0) {
      message.spans = this.spans.splice(0)
      message.worker = [process.pid, threadId]
    }
    const allocated = this.#bufferPool.takeTaken()
    if (allocated.length > 0) message.allocated = allocated
    const { stats } = this.#transport
    if (stats.transferredBytes > 0 || stats.copiedBytes > 0) {
      message.bytes = [stats.transferredBytes, stats.copiedBytes]
      stats.transferredBytes = 0
      stats.copiedBytes = 0
    }
    return message
  }

  /** Finds which results of a message cannot be sent, and sends the others, in the same order. */
  #sendApart({ results: _, ...rest }: ResultMessage, unsent: readonly Unsent[]): void {
    this.#transport.send(rest)
    const ended = new Set<number>()
    for (const result of unsent) {
      // Outputs of a generator after one that cannot be sent are discarded: its slot may belong to
      // another task by then.
      if (ended.has(result.slot)) continue
      const problem = this.#problemOf(result)
      if (problem === undefined) continue
      this.#refuse(result, problem.error)
      ended.add(result.slot)
      this.#unsent = []
      this.#transport.send(this.#message())
    }
  }

  /** Sends one result. Returns the problem if that is not possible. */
  #problemOf(result: Unsent): { readonly error: unknown } | undefined {
    try {
      this.#sendOne(result, true)
    } catch {
      // Some buffers can be cloned but not transferred, such as those of WebAssembly.
      try {
        this.#sendOne(result, false)
      } catch (error) {
        return { error }
      }
    }
    return undefined
  }

  #sendOne(result: Unsent, givesAway: boolean): void {
    this.#write(result)
    this.#transport.send(this.#message(), givesAway)
  }
}
