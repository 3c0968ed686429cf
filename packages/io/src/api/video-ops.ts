import { type WorkerModule, workerModule } from 'spindle'
import { VIDEO_WORKER } from '../entries.ts'
import type * as Worker from './video-worker.ts'

/** What the pool's threads can do with video. */
export const videoOps: WorkerModule<typeof Worker> = workerModule<typeof Worker>(VIDEO_WORKER)
