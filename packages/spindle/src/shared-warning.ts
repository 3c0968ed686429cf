import { isMainThread, workerData } from 'node:worker_threads'
import { peek } from './user-code.ts'

const cell: Int32Array<SharedArrayBuffer> = new Int32Array(sharedCell())

function sharedCell(): SharedArrayBuffer {
  const given = isMainThread ? undefined : peek(workerData, 'spindleWarned')
  return given instanceof SharedArrayBuffer ? given : new SharedArrayBuffer(4)
}

/** What a thread is started with as `spindleWarned`, to share the warning. */
export const warnedCell: SharedArrayBuffer = cell.buffer

/** Whether no thread of this process has warned yet. The caller warns. */
export function isFirstWarning(): boolean {
  return Atomics.exchange(cell, 0, 1) === 0
}
