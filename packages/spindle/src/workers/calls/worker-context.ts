import { makeController } from '../../abort-signals.ts'
import type { CallContext } from '../../engine/executor.ts'
import type { StageContext, StageInfo } from '../../op-context.ts'
import { Rng } from '../../random.ts'

const nowhere: StageInfo = Object.freeze({
  pipeline: -1,
  id: -1,
  name: '',
  concurrency: 1,
  where: undefined,
})

/**
 * What an op in a worker gets as its second argument; generator and signal are made when first
 * asked for.
 */
export class WorkerContext implements StageContext {
  readonly index: number
  readonly attempt: number
  readonly stage: StageInfo
  readonly #key: readonly number[]
  readonly #isAborted: () => boolean
  readonly #alloc: (byteLength: number) => Uint8Array
  #rng: Rng | undefined
  #controller: AbortController | undefined

  /** `alloc`: where memory comes from. Default: it is new. */
  constructor(
    wire: CallContext | undefined,
    isAborted: () => boolean,
    alloc: (byteLength: number) => Uint8Array = newMemory,
  ) {
    this.index = wire?.index ?? -1
    this.attempt = wire?.attempt ?? 1
    this.stage = wire?.stage ?? nowhere
    this.#key = wire?.rngKey ?? []
    this.#isAborted = isAborted
    this.#alloc = alloc
  }

  alloc(byteLength: number): Uint8Array {
    return this.#alloc(byteLength)
  }

  get rng(): Rng {
    this.#rng ??= Rng.from(...this.#key)
    return this.#rng
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = makeController()
      this.#look(this.#controller)
      watchSynchronously(this.#controller.signal, () =>
        this.#look(this.#controller as AbortController),
      )
    }
    return this.#controller.signal
  }

  /** The pool wants the task's result no more. */
  abort(): void {
    this.#controller?.abort(unwanted())
  }

  #look(controller: AbortController): void {
    if (this.#isAborted()) controller.abort(unwanted())
  }
}

function newMemory(byteLength: number): Uint8Array {
  return new Uint8Array(byteLength)
}

function unwanted(): DOMException {
  return new DOMException('The result of this call is wanted no more', 'AbortError')
}

/**
 * An op that holds its thread hears no event, but it may ask: then the shared flag is looked at.
 */
function watchSynchronously(signal: AbortSignal, look: () => void): void {
  const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')
    ?.get as () => boolean
  Object.defineProperty(signal, 'aborted', {
    configurable: true,
    get: () => {
      if (!aborted.call(signal)) look()
      return aborted.call(signal)
    },
  })
  Object.defineProperty(signal, 'throwIfAborted', {
    configurable: true,
    value: () => {
      if (signal.aborted) throw signal.reason
    },
  })
}
