import { type WorkerModule, workerModule } from 'spindle'
import { IMAGE_WORKER } from '../entries.ts'
import type * as Worker from './image-worker.ts'

/** What the pool's threads can do with images. */
export const imageOps: WorkerModule<typeof Worker> = workerModule<typeof Worker>(IMAGE_WORKER)
