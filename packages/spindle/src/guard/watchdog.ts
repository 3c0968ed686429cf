import { performance } from 'node:perf_hooks'
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type Worker,
} from 'node:worker_threads'
import { readFrames } from '../call-stack.ts'
import { scopedMark } from '../engine/flow/call-scopes.ts'
import { callWords } from '../engine/flow/current-call.ts'
import { WATCH_THREAD } from '../entries.ts'
import { messageOf } from '../errors.ts'
import { plain } from '../plain-text.ts'
import { clearTimeout, setTimeout, type Timer } from '../timers.ts'
import { startThread } from '../workers/supervise/start-worker.ts'
import { mayInspect } from './may-inspect.ts'
import {
  BEAT_MS,
  BEATS,
  type BlockMessage,
  CONNECTED,
  CONTROL_BYTES,
  EXITING,
  type LoopSample,
  type StackFrame,
  WANTED_BEAT_MS,
  type WatchCommand,
  type WatchSetup,
} from './watch-protocol.ts'

/** Receives the blocks of the event loop. */
export interface Watcher {
  readonly thresholdMs: number
  /** Calls in flight by the stages' marks: mark, calls, mark, calls, … */
  running(): readonly number[]
  /** Called when a block is certain, and again when it is over. */
  blocked(block: BlockMessage): void
}

/** After how long a thread that has died is replaced, in milliseconds. */
const REPLACE_AFTER_MS = 15
/** How long the thread rests before it ends when there are no watchers, in milliseconds. */
const REST_MS = 2000
/** How long the end of the process waits for an open question, in milliseconds. */
const EXIT_MS = 200
const USUAL_BEAT_MS = 20

const watchers: Set<Watcher> = new Set()
const control: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES))
let timer: Timer | undefined
let beating: Timer | undefined
let thread: { readonly worker: Worker; readonly port: MessagePort } | undefined
let sampler: Promise<string | undefined> | undefined
let isImpossible = false

/** Starts watching the event loop, with one thread for the whole process, until {@link unwatch}. */
export function watch(watcher: Watcher): void {
  watchers.add(watcher)
  if (thread !== undefined) command()
  else if (!isImpossible) renew(0, () => void start())
}

export function unwatch(watcher: Watcher): void {
  readBlocks()
  watchers.delete(watcher)
  if (watchers.size > 0) return
  if (thread === undefined) clearTimeout(timer)
  else {
    command()
    renew(REST_MS, end)
  }
}

/** Passes on the reports of the thread now, instead of in the next turn of the event loop. */
export function readBlocks(): void {
  const port = thread?.port
  if (port === undefined) return
  for (
    let received = receiveMessageOnPort(port);
    received !== undefined;
    received = receiveMessageOnPort(port)
  )
    report(received.message as BlockMessage)
}

function report(block: BlockMessage): void {
  for (const watcher of [...watchers]) watcher.blocked(block)
}

/** Sets the timer for the start or the end of the thread. */
function renew(ms: number, then: () => void): void {
  clearTimeout(timer)
  timer = setTimeout(then, ms).unref()
}

async function start(): Promise<void> {
  sampler ??= makeSampler()
  const expression = await sampler
  if (watchers.size === 0 || thread !== undefined) return
  const { port1, port2 } = new MessageChannel()
  const setup: Omit<WatchSetup, 'entry' | 'tsx'> = {
    callWords: callWords.buffer,
    control: control.buffer,
    port: port2,
    sampler: expression,
  }
  try {
    const worker = startThread(WATCH_THREAD, setup, {
      transferList: [port2],
      isBare: true,
    })
    thread = { worker, port: port1 }
  } catch (error) {
    // The thread cannot start here (because of the permission model, for example). Pipelines run
    // without it.
    giveUp(error)
    port1.close()
    return
  }
  const { worker } = thread
  port1.on('message', report)
  port1.unref()
  worker.on('error', giveUp)
  worker.on('exit', () => forget(worker))
  worker.unref()
  process.on('exit', atExit)
  command()
}

function giveUp(error: unknown): void {
  if (isImpossible) return
  isImpossible = true
  process.emitWarning(
    plain(
      `The loop guard is off: its thread cannot be started (${messageOf(error)}). Pipelines run, but code that blocks the event loop is not reported. To accept this without a warning, set \`loopGuard: false\`.`,
    ),
    { code: 'SPINDLE_LOOP_GUARD_OFF' },
  )
}

/**
 * The sampler needs the inspector, which can inspect only the main thread and is missing in some
 * builds of Node.
 */
async function makeSampler(): Promise<string | undefined> {
  if (!isMainThread || !mayInspect()) return undefined
  try {
    const { url } = await import('node:inspector')
    const running = (): number[] => [...watchers].flatMap((watcher) => watcher.running())
    return url() === undefined ? offerSampler(running, () => url() !== undefined) : undefined
  } catch {
    return undefined
  }
}

function command(): void {
  if (watchers.size === 0) {
    clearTimeout(beating)
    beating = undefined
    post('rest')
  } else {
    clearTimeout(timer)
    if (beating === undefined && sampler !== undefined) beat()
    post({ thresholdMs: Math.min(...[...watchers].map((watcher) => watcher.thresholdMs)) })
  }
}

/**
 * Shows the watching thread that the event loop turns. A timer of 20 ms costs 0.02 % of a core, one
 * of 4 ms (while that thread looks closely) 0.1 %.
 */
function beat(): void {
  const ms = Atomics.load(control, WANTED_BEAT_MS) || USUAL_BEAT_MS
  Atomics.store(control, BEAT_MS, ms)
  Atomics.add(control, BEATS, 1)
  beating = setTimeout(beat, ms).unref()
}

function post(message: WatchCommand): void {
  thread?.worker.postMessage(message)
}

function end(): void {
  post('end')
}

function forget(worker: Worker): void {
  if (thread?.worker !== worker) return
  readBlocks()
  thread.port.close()
  thread = undefined
  process.off('exit', atExit)
  clearTimeout(beating)
  beating = undefined
  if (watchers.size > 0 && !isImpossible) renew(REPLACE_AFTER_MS, () => void start())
}

/**
 * Prevents further questions and waits for an open one, because the process would wait for an open
 * inspector session and print a message about it.
 */
function atExit(): void {
  Atomics.store(control, EXITING, 1)
  if (Atomics.load(control, CONNECTED) === 1) Atomics.wait(control, CONNECTED, 1, EXIT_MS)
}

const MOST_FRAMES = 64

/**
 * Makes a function callable from the watching thread, which evaluates its name in this thread. That
 * works in the middle of any code. Unlike pausing, it needs no debugger, which would make V8's
 * promises slower for the rest of the process's life. Returns the expression to evaluate.
 */
function offerSampler(running: () => readonly number[], hasDebugger: () => boolean): string {
  const name = `spindle.loop-sample.${Math.random().toString(36).slice(2)}`
  const sample = (): string => JSON.stringify(takeSample(sample, running, hasDebugger))
  Object.defineProperty(globalThis, Symbol.for(name), { value: sample, enumerable: false })
  return `globalThis[Symbol.for('${name}')]()`
}

/** Runs between two instructions of other code, so it must leave everything unchanged. */
function takeSample(
  above: (...args: never[]) => unknown,
  running: () => readonly number[],
  hasDebugger: () => boolean,
): LoopSample {
  return {
    word: callWords[0] as number,
    turns: performance.nodeTiming.uvMetricsInfo.loopCount,
    // Skip the first frame, which is the evaluated expression.
    frames: readFrames(MOST_FRAMES, above, toFrame).slice(1),
    running: running(),
    scope: scopedMark(),
    hasDebugger: hasDebugger(),
  }
}

function toFrame(site: NodeJS.CallSite): StackFrame {
  return {
    function: site.getFunctionName() ?? '',
    file: site.getScriptNameOrSourceURL?.() ?? site.getFileName() ?? '',
    line: site.getLineNumber() ?? 0,
    column: site.getColumnNumber() ?? 0,
    isAsync: (site as { isAsync?(): boolean }).isAsync?.() === true,
  }
}
