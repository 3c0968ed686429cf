import type { Item, Path } from './item.ts'
import { hashText, Rng } from './random.ts'
import type { Stage } from './stage.ts'
import type { StageContext, StageInfo } from './types.ts'

/** The context of one call of an op. Costs an object; signal and generator are made when first asked for. */
export class TaskContext implements StageContext {
  readonly attempt: number
  readonly #stage: Stage
  readonly #item: Item
  readonly #signal: AbortSignal | undefined
  #rng: Rng | undefined

  /** `signal`: that of the attempt, where it has one of its own. */
  constructor(stage: Stage, item: Item, attempt: number, signal: AbortSignal | undefined) {
    this.attempt = attempt
    this.#stage = stage
    this.#item = item
    this.#signal = signal
    this.#rng = undefined
  }

  get index(): number {
    return this.#item.index
  }

  get stage(): StageInfo {
    return this.#stage.info
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#stage.signal
  }

  get rng(): Rng {
    this.#rng ??= rngOf(this.#stage, this.#item)
    return this.#rng
  }
}

/**
 * Key: seed, name of the stage, source, epoch, position in the source, then the positions among the outputs of generators.
 * The name keeps two stages from drawing the same numbers for an item; adding a stage elsewhere changes nothing.
 */
function rngOf(stage: Stage, item: Item): Rng {
  const key = [stage.host.seed, hashText(stage.info.name), item.source, item.epoch, item.index]
  const positions: number[] = []
  for (let path: Path | undefined = item.path; path !== undefined; path = path.parent)
    positions.push(path.position)
  return Rng.from(...key, ...positions.reverse())
}
