// Parts of the cases.

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

/** Asks the server that run.mjs has started. */
export async function get(path) {
  const response = await fetch(`http://127.0.0.1:${process.env.VERDICT_PORT}${path}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`status ${response.status}`)
  return text
}
