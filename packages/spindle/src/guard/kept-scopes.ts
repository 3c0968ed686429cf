import { beginScopes, endScopes, makeCallScope } from '../engine/flow/call-scopes.ts'
import type { Graph } from '../engine/run/graph.ts'
import { clearTimeout, setTimeout, type Timer } from '../timers.ts'

/** How long scopes stay on after the last block that needed them, in milliseconds. */
const KEPT_MS = 5000

/**
 * The running pipelines. Scopes are on for all of them or for none, because code of one may run in
 * the context of another.
 */
const running: Set<KeptScopes> = new Set()
let isKeeping = false
let timer: Timer | undefined

/**
 * Turns scopes on and off. With scopes, a pipeline's calls run in contexts that tell which stage
 * started later code. They are on only while something must be found out.
 */
export class KeptScopes {
  readonly #graph: Graph
  #marks: readonly number[] | undefined

  constructor(graph: Graph) {
    this.#graph = graph
  }

  get areOn(): boolean {
    return this.#marks !== undefined
  }

  /** Called when the pipeline has started. */
  begin(): void {
    running.add(this)
    if (isKeeping) this.#switchOn()
  }

  /** Keeps scopes on for a while from now on. */
  keep(): void {
    clearTimeout(timer)
    timer = setTimeout(endAll, KEPT_MS).unref()
    if (isKeeping) return
    isKeeping = true
    for (const one of running) one.#switchOn()
  }

  /** Called when the pipeline has ended. */
  end(): void {
    this.switchOff()
    running.delete(this)
    if (running.size === 0) endAll()
  }

  #switchOn(): void {
    const { stages, reader, hookCalls } = this.#graph
    this.#marks = [
      ...stages.flatMap(({ mark, hookMark }) => [mark, hookMark]),
      reader.mark,
      hookCalls.mark,
    ]
    beginScopes(this.#marks)
    // Apart from the mark, the context of a call is the pipeline's.
    reader.inScope(() => {
      for (const stage of stages)
        stage.keepScope(makeCallScope(stage.mark), makeCallScope(stage.hookMark))
      hookCalls.callScope = makeCallScope(hookCalls.mark)
    })
    reader.keepsScopes = true
  }

  switchOff(): void {
    if (this.#marks === undefined) return
    const { stages, reader, hookCalls } = this.#graph
    for (const stage of stages) stage.keepScope(undefined, undefined)
    hookCalls.callScope = undefined
    reader.keepsScopes = false
    endScopes(this.#marks)
    this.#marks = undefined
  }
}

function endAll(): void {
  clearTimeout(timer)
  isKeeping = false
  for (const one of running) one.switchOff()
}
