import { Socket } from 'node:net'
import { forgetAllIdle } from '../engine/run/unfinished.ts'
import { setImmediate, setTimeout } from '../timers.ts'
import { say } from './output.ts'
import { FAILED } from './statuses.ts'

/** How long the process may continue after the command has ended, in milliseconds. */
const GRACE_MS = 3000

/**
 * Detects that the process has nothing left to do although the command has not ended, so what it
 * waits for can never come. Node would end without a message.
 */
export class DeadEnd {
  #doing = ''
  #seen = 0
  readonly #look = (): void => {
    // The engine informs consumers at the same moment. They get a turn of the event loop first.
    if (this.#seen++ === 0) {
      setImmediate(() => {})
      return
    }
    say(
      `nothing is left to run in this process, but ${this.#doing} has not ended: a callback was not called, or a promise was never settled`,
    )
    process.exit(FAILED)
  }

  constructor() {
    process.on('beforeExit', this.#look)
  }

  /** Sets what the command is doing, as the subject of a sentence: `loading pipeline.mjs`. */
  doing(what: string): void {
    this.#doing = what
    this.#seen = 0
  }

  /** Called when the command has ended. */
  release(): void {
    process.off('beforeExit', this.#look)
  }
}

/** How a command has ended. */
export interface Ended {
  readonly status: number
  /** Calls of the module's code that have not ended, as text. */
  readonly calls?: string
}

/**
 * Ends the process some time after its command has ended. If something still keeps the process
 * alive then, a message names it.
 */
export function endAfterGrace({ status, calls = '' }: Ended): void {
  // An op may have set its own exit code, which stays if everything else went well.
  // The module may have made pipelines that the command has not used.
  forgetAllIdle()
  process.exitCode = status === 0 ? (process.exitCode ?? 0) : status
  // Unreferenced: if nothing else keeps the process alive, Node ends before.
  setTimeout(() => {
    const held = heldBy().join(', ')
    const by = held === '' ? '' : ` by ${held}`
    const running = calls === '' ? '' : `; ${calls}`
    say(
      `the command has finished, but the process is kept alive${by}${running}. It ends now, after ${GRACE_MS / 1000} s`,
    )
    process.exit()
  }, GRACE_MS).unref()
}

const WORDS: Readonly<Record<string, string>> = {
  TCPServerWrap: 'listening server',
  TCPSocketWrap: 'socket',
  TLSWrap: 'socket',
  UDPWrap: 'UDP socket',
  PipeWrap: 'pipe',
  Timeout: 'timer',
  Immediate: 'immediate',
  MessagePort: 'message port',
  Worker: 'worker thread',
  ProcessWrap: 'child process',
  FSEventWrap: 'file watcher',
  StatWatcher: 'file watcher',
  FSReqCallback: 'file operation',
  FSReqPromise: 'file operation',
  GetAddrInfoReqWrap: 'DNS look-up',
}

/** `2 timers`, `1 listening server`: what keeps the event loop alive. */
function heldBy(): string[] {
  const counts = new Map<string, number>()
  // The standard streams are also listed, but keep nothing alive.
  let pipes = [process.stdout, process.stderr].filter(
    (stream) => !stream.isTTY && stream instanceof Socket,
  ).length
  for (const resource of process.getActiveResourcesInfo()) {
    if (resource === 'TTYWrap' || (resource === 'PipeWrap' && pipes-- > 0)) continue
    const word = WORDS[resource] ?? resource
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts].map(([word, count]) => `${count} ${word}${count === 1 ? '' : 's'}`)
}
