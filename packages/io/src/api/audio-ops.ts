import { type WorkerModule, workerModule } from 'spindle'
import { AUDIO_WORKER } from '../entries.ts'
import type * as Worker from './audio-worker.ts'

/** What the pool's threads can do with audio. */
export const audioOps: WorkerModule<typeof Worker> = workerModule<typeof Worker>(AUDIO_WORKER)
