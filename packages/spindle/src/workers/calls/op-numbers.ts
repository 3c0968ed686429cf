import type { ExecutorCall } from '../../engine/executor.ts'
import type { OpReference } from '../../engine/worker-op.ts'
import type { StageInfo } from '../../op-context.ts'

/** Numbers the ops and stages of a pool, so that each is described to a worker only once. */
export class OpNumbers {
  readonly references: OpReference[] = []
  readonly #modules: Map<string, number[]> = new Map()
  readonly #stages: WeakMap<StageInfo, number> = new WeakMap()
  #stageCount = 0

  /** `check`: called with each new op. */
  numberOf(
    { filename, name, init, initArgs, bound }: ExecutorCall,
    check: (op: OpReference) => void,
  ): number {
    let numbers = this.#modules.get(filename)
    if (numbers === undefined) {
      numbers = []
      this.#modules.set(filename, numbers)
    }
    for (const number of numbers) {
      const known = this.references[number] as OpReference
      if (
        known.exportName === name &&
        known.init === init &&
        known.bound === bound &&
        known.initArgs === initArgs
      )
        return number
    }
    const number = this.references.length
    const reference = { href: filename, exportName: name, init, initArgs, bound }
    check(reference)
    this.references.push(reference)
    numbers.push(number)
    return number
  }

  stageNumberOf(stage: StageInfo): number {
    let number = this.#stages.get(stage)
    if (number === undefined) {
      number = this.#stageCount++
      this.#stages.set(stage, number)
    }
    return number
  }
}
