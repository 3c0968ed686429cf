import type { ResourceLimits, Transferable, Worker } from 'node:worker_threads'
import { POOL_THREAD } from '../../entries.ts'
import { clockMs } from '../../timers.ts'
import type { SegmentPool } from '../memory/segment-pool.ts'
import { type EntrySetup, startThread } from '../supervise/start-worker.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { copyLater } from '../transport/pack.ts'
import type { PoolThreadSetup, WorkerMessage } from './call-protocol.ts'
import { type Guarded, guardExit, unguardExit } from './exit-guard.ts'
import type { PoolChannel, PoolChannelListener } from './pool-channel.ts'
import type { PoolSettings } from './pool-options.ts'
import { SharedPoolControl } from './shared-control.ts'
import { ThreadTransport } from './thread-transport.ts'

/** The pool's view of a worker thread. */
export class ThreadChannel implements PoolChannel, Guarded {
  readonly control: SharedPoolControl = new SharedPoolControl()
  readonly transport: ThreadTransport
  readonly #worker: Worker
  readonly #graceMs: number

  constructor(
    listener: PoolChannelListener,
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
      copyLater,
    )
    let thrown: unknown
    worker.on('message', (message: unknown) => {
      const received = opened(FROM_WORKER, message)
      if (received !== undefined) listener.onMessage(received as WorkerMessage)
    })
    // A message could not be read, so its results are lost and their callers would wait forever.
    worker.on('messageerror', (error) => {
      thrown = error
      void worker.terminate()
    })
    worker.on('error', (error) => {
      thrown = error
    })
    worker.on('exit', (code) => {
      unguardExit(this)
      if (control.member > 0) memory?.reclaim(control.member)
      listener.ended({ how: `exit code ${code}`, error: thrown })
    })
    guardExit(this)
  }

  setRef(isReffed: boolean): void {
    if (isReffed) this.#worker.ref()
    else this.#worker.unref()
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
