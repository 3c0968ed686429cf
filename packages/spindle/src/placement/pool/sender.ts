import type { StageInfo } from '../../op-context.ts'
import type { Carrier } from './carrier.ts'
import type { OpFactsTable } from './op-facts.ts'
import type { OpNumbers } from './op-numbers.ts'
import { FIELDS_OF_TASK, ITEM_OF_TASK, type RunMessage, type WireContext } from './protocol.ts'
import type { PoolCounters } from './stats.ts'
import type { Task } from './task.ts'

/** What leaves for one worker: gathered during a turn, sent in one message. */
export class Sender {
  readonly #carrier: Carrier
  readonly #numbers: OpNumbers
  readonly #facts: OpFactsTable
  readonly #counters: PoolCounters
  readonly #refused: (tasks: readonly Task[], errors: readonly unknown[]) => void
  readonly #toldStages: Set<number> = new Set()
  #toldOps = 0
  #tasks: Task[] = []
  #fields: unknown[] = []
  #stages: (number | StageInfo)[] = []
  #taken: number[] = []
  #isWaiting = false
  #isClosed = false

  /** `refused`: tasks whose items cannot cross. */
  constructor(
    carrier: Carrier,
    numbers: OpNumbers,
    facts: OpFactsTable,
    counters: PoolCounters,
    refused: (tasks: readonly Task[], errors: readonly unknown[]) => void,
  ) {
    this.#carrier = carrier
    this.#numbers = numbers
    this.#facts = facts
    this.#counters = counters
    this.#refused = refused
  }

  add(task: Task): void {
    const { slot, op, call } = task
    const item = this.#carrier.pack(task.item, this.#fields.length + ITEM_OF_TASK, slot, 0)
    this.#tasks.push(task)
    this.#fields.push(
      slot,
      op,
      item,
      this.#contextOf(task),
      call.onStart !== undefined,
      task.outputs?.received ?? 0,
    )
    this.#sendSoon()
  }

  /** The reader of a slot's generator has taken so many outputs of it. */
  took(slot: number, count: number): void {
    this.#taken.push(slot, count)
    this.#sendSoon()
  }

  /** Sends no more. */
  close(): void {
    this.#isClosed = true
  }

  #contextOf({ op, call }: Task): WireContext | undefined {
    const { context } = call
    if (context === undefined || this.#facts.of(op).isBlind) return undefined
    const { index, attempt, stage, rngKey } = context
    const number = this.#numbers.stageNumberOf(stage)
    if (!this.#toldStages.has(number)) {
      this.#toldStages.add(number)
      this.#stages.push(number, stage)
    }
    return [index, attempt, number, ...rngKey]
  }

  #sendSoon(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    queueMicrotask(() => this.#send())
  }

  #send(): void {
    this.#isWaiting = false
    if (this.#isClosed) return
    const ops = this.#numbers.references.slice(this.#toldOps)
    this.#toldOps += ops.length
    const message: RunMessage = { ops, stages: this.#stages, tasks: this.#fields, taken: this.#taken }
    const tasks = this.#tasks
    this.#tasks = []
    this.#fields = []
    this.#stages = []
    this.#taken = []
    try {
      this.#carrier.send(message)
    } catch {
      this.#carrier.send({ ...message, tasks: [] })
      this.#sendOneByOne(tasks, message.tasks)
    }
    this.#counters.count(this.#carrier.tally)
  }

  /** Something in a message cannot be sent: finds out what, and sends the rest. */
  #sendOneByOne(tasks: readonly Task[], fields: readonly unknown[]): void {
    const refused: Task[] = []
    const errors: unknown[] = []
    tasks.forEach((task, i) => {
      const own = fields.slice(i * FIELDS_OF_TASK, (i + 1) * FIELDS_OF_TASK)
      try {
        own[ITEM_OF_TASK] = this.#carrier.pack(task.item, ITEM_OF_TASK, task.slot, 0)
        this.#carrier.send({ ops: [], stages: [], tasks: own, taken: [] })
      } catch (error) {
        refused.push(task)
        errors.push(this.#carrier.whyNot(task.item, 'item', error))
      }
    })
    this.#refused(refused, errors)
  }
}
