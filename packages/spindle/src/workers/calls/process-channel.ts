import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { POOL_PROCESS } from '../../entries.ts'
import { openUnnamedFile } from '../memory/unnamed-file.ts'
import { type ProcessOptions, startProcess } from '../supervise/start-process.ts'
import { sealed, TO_WORKER } from '../transport/envelope.ts'
import { keepAlive, type WorkerListener, watchProcess } from '../transport/watch-worker.ts'
import { fromWire } from '../transport/wire-error.ts'
import type { LastWords, PoolWorkerSetup, WorkerMessage } from './call-protocol.ts'
import { type Guarded, guardExit, unguardExit } from './exit-guard.ts'
import { FilePoolControl } from './file-control.ts'
import type { PoolChannel } from './pool-channel.ts'
import type { PoolSettings } from './pool-options.ts'
import { ProcessTransport, type ReceiveMemory } from './process-transport.ts'

/**
 * Minimum free space in memory for the file of buffers, in bytes. With less, the file is where
 * temporary files are.
 */
const ROOM_BYTES = 2 ** 24

/** The pool's view of a worker process. */
export class ProcessChannel implements PoolChannel, Guarded {
  readonly control: FilePoolControl
  readonly transport: ProcessTransport
  readonly #child: ChildProcess
  /** File descriptors for items and for results. */
  readonly #files: readonly [number, number]

  constructor(
    listener: WorkerListener<WorkerMessage>,
    options: ProcessOptions & {
      readonly recycle?: { readonly afterHeapMb?: number }
    },
    { init, initArgs }: Pick<PoolSettings, 'init' | 'initArgs'>,
    memory: ReceiveMemory,
  ) {
    this.control = new FilePoolControl()
    const files = [this.control.file]
    let setup: PoolWorkerSetup
    try {
      files.push(openUnnamedFile(ROOM_BYTES), openUnnamedFile(ROOM_BYTES))
      const { child, tsx } = startProcess(POOL_PROCESS, files, options)
      this.#child = child
      setup = { init, initArgs, maxHeapMb: options.recycle?.afterHeapMb, tsx }
    } catch (error) {
      for (const file of files) closeSync(file)
      throw error
    }
    const [, items, results] = files as [number, number, number]
    this.#files = [items, results]
    const child = this.#child
    this.transport = new ProcessTransport((message) => this.#post(message), items, results, memory)
    // The process may send the error that ends it.
    let thrown: unknown
    watchProcess<WorkerMessage | LastWords>(child, {
      onMessage: (message) => {
        if (typeof message === 'object' && 'thrown' in message) thrown = fromWire(message.thrown)
        else listener.onMessage(message)
      },
      ended: ({ how, error }) => {
        unguardExit(this)
        for (const file of this.#files) closeSync(file)
        listener.ended({ how, error: thrown ?? error })
      },
    })
    guardExit(this)
    this.#post(setup)
  }

  #post(message: unknown): void {
    // With a callback, sending to a process that is just ending emits no 'error'.
    if (this.#child.connected) this.#child.send(sealed(TO_WORKER, message), ignore)
  }

  setRef(isReffed: boolean): void {
    keepAlive(this.#child, isReffed)
  }

  terminate(): void {
    this.#child.kill('SIGKILL')
  }

  // An idle process ends by itself when its channel closes.
  stop(): void {
    if (this.control.begunSlots().size > 0) this.#child.kill('SIGTERM')
  }

  waitUntilOutside(): void {}
}

function ignore(): void {}
