/**
 * Listens to signals that many items share, with one listener for each signal: a stage gives all
 * its calls one signal, and Node warns of many listeners.
 */
export class AbortGroups<E> {
  readonly #groups: Map<AbortSignal, { readonly entries: Set<E>; readonly leave: () => void }> =
    new Map()
  readonly #aborted: (entry: E, reason: unknown) => void

  constructor(aborted: (entry: E, reason: unknown) => void) {
    this.#aborted = aborted
  }

  add(signal: AbortSignal, entry: E): void {
    let group = this.#groups.get(signal)
    if (group === undefined) {
      const entries = new Set<E>()
      const onAbort = (): void => {
        this.#groups.delete(signal)
        for (const each of entries) this.#aborted(each, signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      group = { entries, leave: () => signal.removeEventListener('abort', onAbort) }
      this.#groups.set(signal, group)
    }
    group.entries.add(entry)
  }

  delete(signal: AbortSignal, entry: E): void {
    const group = this.#groups.get(signal)
    if (group === undefined) return
    group.entries.delete(entry)
    if (group.entries.size > 0) return
    group.leave()
    this.#groups.delete(signal)
  }
}
