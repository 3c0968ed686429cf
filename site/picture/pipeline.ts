// The run that the picture on the landing page shows: requests, decoding, and a store that accepts
// four writes at a time, which is what limits.
import { setTimeout as wait } from 'node:timers/promises'
import { PipelineBuilder } from 'spindle'

async function download(row: number): Promise<number> {
  await wait(12 + (row % 7))
  return row
}

async function decode(row: number): Promise<number> {
  await wait(4)
  return row
}

async function store(rows: number[]): Promise<number> {
  await wait(90)
  return rows.length
}

/** What `spindle run` runs. */
export const pipeline = new PipelineBuilder()
  .addSource(Array.from({ length: 6000 }, (_, row) => row))
  .pipe(download, { concurrency: 16 })
  .pipe(decode, { concurrency: 8 })
  .aggregate(8)
  .pipe(store, { concurrency: 4, name: 'store' })
