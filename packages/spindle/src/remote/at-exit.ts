import type { Channel } from './channel.ts'

// A thread that is ended within a native call may take the whole process with it, with a core dump where there should be an exit
// code. So when the process ends, the threads are asked to stop, and waited for, for a while.

/** How long the end of the process waits for all threads together, in milliseconds. */
const GRACE_MS = 1500

const live: Set<Channel> = new Set()

function onExit(): void {
  const until = performance.now() + GRACE_MS
  for (const channel of live) channel.post({ kind: 'stop', mode: 'abort', timeoutMs: undefined })
  for (const channel of live) channel.waitForRest(until - performance.now())
}

/** Has a channel's thread come to rest before the process ends. */
export function watchExit(channel: Channel): void {
  if (live.size === 0) process.on('exit', onExit)
  live.add(channel)
}

export function unwatchExit(channel: Channel): void {
  if (live.delete(channel) && live.size === 0) process.off('exit', onExit)
}
