import { workerModule } from 'spindle'
import type * as Ops from './fixtures/ops.ts'

export const ops = workerModule<typeof Ops>(import.meta.resolve('./fixtures/ops.js'))

export const call = (name: string, signal: AbortSignal = new AbortController().signal) => ({
  filename: import.meta.resolve('./fixtures/ops.js'),
  name,
  signal,
})
