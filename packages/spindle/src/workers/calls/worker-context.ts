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
 * The second argument of an op in a worker. Its random generator and signal are made on first use.
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

  /** `alloc`: allocates memory. Default: new memory. */
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

  /** Aborts the signal: the pool does not want the task's result any more. */
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

/** An op that blocks its thread receives no event, but reading `aborted` checks the shared flag. */
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
