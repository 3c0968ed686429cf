import { type WorkerModule, workerModule } from 'spindle'
import type * as Worker from './worker.ts'

/** What the pool's threads can do with video. */
export const videoOps: WorkerModule<typeof Worker> = workerModule<typeof Worker>(
  new URL('./worker.js', import.meta.url).href,
)
