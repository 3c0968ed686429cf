import type { ResultMessage } from './call-protocol.ts'
import type { Task } from './task.ts'

/** Reports to the callers of traced tasks where and when the tasks ran. */
export function reportSpans(
  tasks: readonly (Task | undefined)[],
  { spans, worker }: ResultMessage,
): void {
  if (spans === undefined || worker === undefined) return
  const [process, thread] = worker
  for (let at = 0; at < spans.length; at += 3) {
    const [slot, beganAt, endedAt] = spans.slice(at, at + 3) as [number, number, number]
    const task = tasks[slot]
    if (task !== undefined && !task.isSettled)
      task.call.onSpan?.({ process, thread, beganAt, endedAt })
  }
}
