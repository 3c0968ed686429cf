import type { Executor } from '../executor.ts'
import type { RemoteStage } from './assemble.ts'

/** Tells executors that this pipeline uses them. Adds the functions that end the use. */
export function acquire(remote: readonly RemoteStage[], releases: (() => Promise<void>)[]): void {
  for (const executor of new Set(remote.map((stage) => stage.executor()))) {
    const release = executor.acquire?.()
    if (release !== undefined) releases.push(release)
  }
}

/** Tells the executors to start workers now, so that they are ready for the first items. */
export function warmUp(remote: readonly RemoteStage[]): void {
  const calls = new Map<Executor, number>()
  for (const stage of remote) {
    const executor = stage.executor()
    calls.set(executor, (calls.get(executor) ?? 0) + stage.calls)
  }
  for (const [executor, count] of calls) executor.warmUp?.(count)
}
