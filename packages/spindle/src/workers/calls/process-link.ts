import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { POOL_PROCESS } from '../../entries.ts'
import { setTimeout } from '../../timers.ts'
import { openUnnamedFile } from '../memory/unnamed-file.ts'
import { type ProcessOptions, startProcess } from '../supervise/start-process.ts'
import { FROM_WORKER, opened, sealed, TO_WORKER } from '../transport/envelope.ts'
import { fromWire } from '../transport/wire-error.ts'
import type { LastWords, WorkerMessage, WorkerSetup } from './call-protocol.ts'
import { type Guarded, guardExit, unguardExit } from './exit-guard.ts'
import { FilePoolControl } from './file-control.ts'
import { IpcCarrier, type Memory } from './ipc-carrier.ts'
import type { LinkListener, WorkerLink } from './link.ts'
import type { PoolSettings } from './pool-options.ts'

/**
 * Minimum free space in memory for the file of buffers, in bytes. With less, the file is where
 * temporary files are.
 */
const ROOM_BYTES = 2 ** 24
/**
 * How long the channel may stay open after a process has ended, in milliseconds. A child process of
 * it may hold the channel.
 */
const CHANNEL_MS = 500

/** The pool's view of a worker process. */
export class ProcessLink implements WorkerLink, Guarded {
  readonly control: FilePoolControl
  readonly carrier: IpcCarrier
  readonly #listener: LinkListener
  readonly #child: ChildProcess
  /** File descriptors for items and for results. */
  readonly #files: readonly [number, number]
  #error: unknown
  #how: string | undefined
  #isDisconnected = false
  #hasEnded = false

  constructor(
    listener: LinkListener,
    options: ProcessOptions & {
      readonly recycle?: { readonly afterHeapMb?: number }
    },
    { init, initArgs }: Pick<PoolSettings, 'init' | 'initArgs'>,
    memory: Memory,
  ) {
    this.#listener = listener
    this.control = new FilePoolControl()
    const files = [this.control.file]
    let setup: WorkerSetup
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
    this.carrier = new IpcCarrier((message) => this.#post(message), items, results, memory)
    child.on('message', (message: unknown) => {
      const told = opened(FROM_WORKER, message)
      if (told !== undefined) this.#hear(told as WorkerMessage | LastWords)
    })
    child.on('error', (error) => {
      this.#error ??= error
      // The process may never have run; then no other event follows.
      if (child.pid !== undefined) return
      this.#how = 'it could not be started'
      this.#end(true)
    })
    child.on('exit', (code, signal) =>
      this.#exited(signal === null ? `exit code ${code}` : `signal ${signal}`),
    )
    child.on('disconnect', () => {
      this.#isDisconnected = true
      this.#end()
    })
    guardExit(this)
    this.#post(setup)
  }

  #post(message: unknown): void {
    // With a callback, sending to a process that is just ending emits no 'error'.
    if (this.#child.connected) this.#child.send(sealed(TO_WORKER, message), ignore)
  }

  #hear(message: WorkerMessage | LastWords): void {
    if (typeof message === 'object' && 'thrown' in message) this.#error = fromWire(message.thrown)
    else if (!this.#hasEnded) this.#listener.heard(message)
  }

  #exited(how: string): void {
    this.#how = how
    if (this.#isDisconnected || !this.#child.connected) this.#end()
    else setTimeout(() => this.#end(true), CHANNEL_MS)
  }

  /** Called until the process has ended and all its messages have arrived; then reports the end. */
  #end(isForced = false): void {
    if (this.#hasEnded || this.#how === undefined) return
    if (!isForced && !this.#isDisconnected && this.#child.connected) return
    this.#hasEnded = true
    unguardExit(this)
    for (const file of this.#files) closeSync(file)
    this.#listener.ended({ how: this.#how, error: this.#error })
  }

  setRef(isReffed: boolean): void {
    const change = isReffed ? 'ref' : 'unref'
    this.#child[change]()
    // Bun's channels have no such methods.
    this.#child.channel?.[change]?.()
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
