// Parts of the cases.
import { execFileSync, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function* numbers() {
  for (let i = 0; ; i++) yield i
}

export const pause = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value))

/** At most so many at a time, as a connection pool inside an op. */
export function semaphore(count) {
  let free = count
  const waiting = []
  return async (run) => {
    if (free > 0) free--
    else await new Promise((go) => waiting.push(go))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

/** The same semaphore in shared memory, again and again: a number of places. */
export function* sharedSemaphore(count) {
  const free = new Int32Array(new SharedArrayBuffer(4))
  free[0] = count
  for (;;) yield free
}

/** Asks the server, and sleeps as it says after a refusal, as many clients do. */
export async function getPatiently(path) {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${process.env.VERDICT_PORT}${path}`)
    const text = await response.text()
    if (response.status !== 429) return text
    await pause(1000 * Number(response.headers.get('retry-after')))
  }
}

/** Files whose opening takes a thread of libuv for about 10 ms, and no CPU: FIFOs. */
export async function slowFiles(count, cleanup) {
  const dir = mkdtempSync(join(tmpdir(), 'verdict-'))
  const paths = Array.from({ length: count }, (_, i) => join(dir, `${i}`))
  execFileSync('mkfifo', paths)
  const writer = fork(new URL('./fifos.mjs', import.meta.url), paths)
  cleanup.push(() => {
    writer.kill('SIGKILL')
    rmSync(dir, { recursive: true })
  })
  await new Promise((resolve) => writer.once('message', resolve))
  const free = [...paths]
  return async () => {
    const path = free.pop()
    const file = await open(path)
    await file.close()
    free.push(path)
  }
}

/** Asks the server that run.mjs has started. */
export async function get(path, signal) {
  const response = await fetch(`http://127.0.0.1:${process.env.VERDICT_PORT}${path}`, { signal })
  const text = await response.text()
  if (!response.ok) throw new Error(`status ${response.status}`)
  return text
}
