import { type WorkerModule, workerModule } from 'spindle/worker'
import {
  AUDIO_WORKER,
  CHAIN_WORKER,
  COLUMNS_WORKER,
  IMAGE_WORKER,
  VIDEO_WORKER,
} from '../entries.ts'
import type * as Audio from './audio-worker.ts'
import type * as Chain from './chain-worker.ts'
import type * as Columns from './columns-worker.ts'
import type * as Image from './image-worker.ts'
import type * as Video from './video-worker.ts'

// The ops of the pool's threads. Only types of these modules are imported here.

export const audioOps: WorkerModule<typeof Audio> = workerModule<typeof Audio>(AUDIO_WORKER)
export const chainOps: WorkerModule<typeof Chain> = workerModule<typeof Chain>(CHAIN_WORKER)
export const columnOps: WorkerModule<typeof Columns> = workerModule<typeof Columns>(COLUMNS_WORKER)
export const imageOps: WorkerModule<typeof Image> = workerModule<typeof Image>(IMAGE_WORKER)
export const videoOps: WorkerModule<typeof Video> = workerModule<typeof Video>(VIDEO_WORKER)
