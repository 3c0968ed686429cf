import { beginScopes, endScopes, makeCallScope } from '../engine/call-scopes.ts'
import type { Graph } from '../engine/graph.ts'
import { clearTimeout, setTimeout, type Timer } from '../timers.ts'

/** How long scopes are kept after the last block that needed them. */
const KEPT_MS = 5000

/** Whether a pipeline's calls run in contexts that tell which stage began what they leave behind: on only while there is something to find out. */
export class KeptScopes {
  readonly #graph: Graph
  #timer: Timer | undefined
  isOn = false

  constructor(graph: Graph) {
    this.#graph = graph
  }

  /** Scopes are needed for a while from now on. */
  keep(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(), KEPT_MS).unref()
    if (this.isOn) return
    this.isOn = true
    beginScopes()
    const { stages, outlet, hookCalls } = this.#graph
    // In all else the context of a call is the pipeline's.
    outlet.inScope(() => {
      for (const stage of stages) stage.keepScope(makeCallScope(stage.mark), makeCallScope(stage.hookMark))
      hookCalls.callScope = makeCallScope(hookCalls.mark)
    })
    outlet.keepsScopes = true
  }

  end(): void {
    clearTimeout(this.#timer)
    if (!this.isOn) return
    this.isOn = false
    const { stages, outlet, hookCalls } = this.#graph
    for (const stage of stages) stage.keepScope(undefined, undefined)
    hookCalls.callScope = undefined
    outlet.keepsScopes = false
    endScopes()
  }
}
