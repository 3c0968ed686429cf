import type { ResourceLimits, Transferable, Worker } from 'node:worker_threads'
import { POOL_THREAD } from '../../entries.ts'
import { clockMs } from '../../timers.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { type EntrySetup, startThread } from '../supervise/start-worker.ts'
import { sealed, TO_WORKER } from '../transport/envelope.ts'
import { moveMarked } from '../transport/pack.ts'
import { keepAlive, type WorkerListener, watchThread } from '../transport/watch-worker.ts'
import type { PoolThreadSetup, WorkerMessage } from './call-protocol.ts'
import { type Guarded, guardExit, unguardExit } from './exit-guard.ts'
import type { PoolChannel } from './pool-channel.ts'
import type { PoolSettings } from './pool-options.ts'
import { SharedPoolControl, ThreadTransport } from './thread-transport.ts'

/** The pool's view of a worker thread. */
export class ThreadChannel implements PoolChannel, Guarded {
  readonly control: SharedPoolControl = new SharedPoolControl()
  readonly transport: ThreadTransport
  readonly #worker: Worker
  readonly #graceMs: number

  constructor(
    listener: WorkerListener<WorkerMessage>,
    options: {
      readonly resourceLimits?: ResourceLimits
      readonly memory?: SegmentPool
      readonly recycle?: { readonly afterHeapMb?: number }
    },
    settings: Pick<PoolSettings, 'graceMs' | 'size' | 'init' | 'initArgs'>,
  ) {
    const { resourceLimits, recycle, memory } = options
    const { init, initArgs } = settings
    const { control } = this
    this.#graceMs = settings.graceMs
    const setup: Omit<PoolThreadSetup, keyof EntrySetup> = {
      control: control.buffer,
      memory: memory?.handle,
      init,
      initArgs,
      maxHeapMb: recycle?.afterHeapMb,
      poolSize: settings.size,
    }
    const worker = startThread(POOL_THREAD, setup, { resourceLimits })
    this.#worker = worker
    this.transport = new ThreadTransport(
      {
        postMessage(message: unknown, transfers: readonly Transferable[]) {
          worker.postMessage(sealed(TO_WORKER, message), transfers)
          control.posted()
        },
      },
      moveMarked,
    )
    watchThread<WorkerMessage>(worker, {
      onMessage: (message) => listener.onMessage(message),
      ended: (exit) => {
        unguardExit(this)
        if (control.member > 0) memory?.reclaim(control.member)
        listener.ended(exit)
      },
    })
    guardExit(this)
  }

  setRef(isReffed: boolean): void {
    keepAlive(this.#worker, isReffed)
  }

  terminate(): void {
    void this.#worker.terminate()
  }

  stop(): void {
    this.control.stop()
  }

  waitUntilOutside(endsAt: number): void {
    this.control.waitUntilOutside(endsAt + this.#graceMs - clockMs())
  }
}
