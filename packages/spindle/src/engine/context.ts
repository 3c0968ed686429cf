import type { Item, Path } from './item.ts'
import { hashText, Rng } from './random.ts'
import type { Stage } from './stage.ts'
import type { StageContext, StageInfo } from './types.ts'

/**
 * The context of a call of an op. One is made for each call, so it holds only what it must; generator and signal are made when first asked for.
 */
export class TaskContext implements StageContext {
  private readonly owner: Stage
  private readonly subject: Item
  private generator?: Rng

  constructor(stage: Stage, item: Item) {
    this.owner = stage
    this.subject = item
  }

  get attempt(): number {
    return 1
  }

  get index(): number {
    return this.subject.index
  }

  get stage(): StageInfo {
    return this.owner.info
  }

  get signal(): AbortSignal {
    return this.owner.signalOf(this.subject)
  }

  get rng(): Rng {
    this.generator ??= rngOf(this.owner, this.subject)
    return this.generator
  }
}

/** The context of one of several attempts, or of one that has a limit. */
export class AttemptContext extends TaskContext {
  private readonly number: number
  private readonly ownSignal: AbortSignal | undefined

  /** `signal`: that of the attempt, where it has one of its own. */
  constructor(stage: Stage, item: Item, attempt: number, signal: AbortSignal | undefined) {
    super(stage, item)
    this.number = attempt
    this.ownSignal = signal
  }

  override get attempt(): number {
    return this.number
  }

  override get signal(): AbortSignal {
    return this.ownSignal ?? super.signal
  }
}

const ARROW = /^(?:async\s*)?(?:\(\s*[\w$]*\s*\)|[\w$]+)\s*=>/
const FUNCTION = /^(?:async\s+)?function\s*[\w$]*\s*\(\s*[\w$]*\s*\)\s*\{/

/**
 * Whether an op could see its second argument. A function that takes one plain parameter cannot, unless it speaks of `arguments`: making a context
 * for it would be a fifth of what a synchronous stage costs. Anything that is not plain to see (rest, defaults, bound and native functions) counts as yes.
 */
export function seesContext(op: (...args: never[]) => unknown): boolean {
  if (op.length > 1) return true
  const text = Function.prototype.toString.call(op)
  if (ARROW.test(text)) return false
  return !FUNCTION.test(text) || /\b(?:arguments|eval)\b/.test(text) || text.includes('[native code]')
}

/**
 * Key: seed, name of the stage, source, epoch, position in the source, then the positions among the outputs of generators.
 * The name keeps two stages from drawing the same numbers for an item; adding a stage elsewhere changes nothing.
 */
function rngOf(stage: Stage, item: Item): Rng {
  const key = [stage.host.seed, hashText(stage.info.name), item.origin.source, item.origin.epoch, item.index]
  const positions: number[] = []
  for (let path: Path | undefined = item.path; path !== undefined; path = path.parent)
    positions.push(path.position)
  return Rng.from(...key, ...positions.reverse())
}
