import { type WorkerModule, workerModule } from 'spindle'
import { MEDIA_WORKER } from '../entries.ts'
import type * as Worker from './chain-worker.ts'

/** What the pool's threads can do with FFmpeg's chain. */
export const mediaOps: WorkerModule<typeof Worker> = workerModule<typeof Worker>(MEDIA_WORKER)
