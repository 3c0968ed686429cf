import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { openStore, type StoreOptions } from 'spindle/source'
import { NODE_FLAGS } from '../../spindle/test/support/typescript.ts'
import { clockMs, pause } from '../src/timers.ts'

/** One round: a job whose workers are killed, stopped and told to stop while they work. */
export interface ChaosJob {
  readonly ledger: string
  readonly out: string
  /** Options of the stores, if they are no folders. */
  readonly store?: unknown
  readonly shards: number
  readonly rows: number
  /** Longest time of one row. */
  readonly rowMs: number
  readonly failureRate: number
  readonly leaseMs: number
}

export interface ChaosOptions {
  readonly workers: number
  /** Mean time between two attacks. */
  readonly attackMs: number
  /** Number of attacks. */
  readonly attacks: number
  /** A round that takes longer hangs. */
  readonly limitMs: number
}

/** What a round did and found. */
export interface ChaosResult {
  readonly kills: number
  readonly zombies: number
  readonly stops: number
  /** Rows that are missing, and rows that are there more than once. */
  readonly lost: number
  readonly doubled: number
  /** Files in the place that the manifest does not name. */
  readonly orphans: number
  readonly isHung: boolean
  readonly errors: readonly string[]
}

const WORKER = fileURLToPath(import.meta.resolve('./chaos-worker.ts'))

/** Runs one round, and compares what is in the place with what must be there. */
export async function chaosRound(job: ChaosJob, options: ChaosOptions): Promise<ChaosResult> {
  const round = new Round(job, options)
  return await round.run()
}

class Round {
  readonly #job: ChaosJob
  readonly #options: ChaosOptions
  readonly #running = new Set<ChildProcess>()
  readonly #errors: string[] = []
  readonly #resumed: Promise<void>[] = []
  #isComplete = false
  #kills = 0
  #zombies = 0
  #stops = 0

  constructor(job: ChaosJob, options: ChaosOptions) {
    this.#job = job
    this.#options = options
  }

  async run(): Promise<ChaosResult> {
    const { workers, attackMs, attacks, limitMs } = this.#options
    const beganMs = clockMs()
    const isLate = (): boolean => clockMs() - beganMs > limitMs
    let left = attacks
    while (!this.#isComplete && !isLate()) {
      while (this.#running.size < workers) this.#start()
      await pause(attackMs * (0.5 + Math.random()))
      if (left-- > 0) this.#attack()
    }
    await Promise.all(this.#resumed)
    while (this.#running.size > 0 && !isLate()) await pause(20)
    const isHung = !this.#isComplete || this.#running.size > 0
    for (const child of this.#running) child.kill('SIGKILL')
    const found = isHung ? { lost: 0, doubled: 0, orphans: 0 } : await this.#compare()
    const [kills, zombies, stops, errors] = [this.#kills, this.#zombies, this.#stops, this.#errors]
    return { kills, zombies, stops, ...found, isHung, errors }
  }

  #start(): void {
    const child = spawn(process.execPath, [...NODE_FLAGS, WORKER, JSON.stringify(this.#job)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.add(child)
    let [stdout, stderr] = ['', '']
    child.stdout!.on('data', (text) => (stdout += text))
    child.stderr!.on('data', (text) => (stderr += text))
    child.on('close', (code) => {
      this.#running.delete(child)
      if (code === 0 && JSON.parse(stdout).isComplete === true) this.#isComplete = true
      else if (code !== 0 && code !== null) this.#errors.push(stderr.trim())
    })
  }

  #attack(): void {
    const victims = [...this.#running].filter(({ exitCode }) => exitCode === null)
    const victim = victims[Math.floor(Math.random() * victims.length)]
    if (victim === undefined) return
    const choice = Math.random()
    if (choice < 0.45) {
      this.#kills++
      victim.kill('SIGKILL')
    } else if (choice < 0.85) {
      this.#zombies++
      this.#resumed.push(this.#stopFor(victim, this.#job.leaseMs * (1.5 + 1.5 * Math.random())))
    } else {
      this.#stops++
      victim.kill('SIGTERM')
    }
  }

  async #stopFor(victim: ChildProcess, ms: number): Promise<void> {
    victim.kill('SIGSTOP')
    await pause(ms)
    victim.kill('SIGCONT')
  }

  async #compare(): Promise<{ lost: number; doubled: number; orphans: number }> {
    const { shards, rows, out, store: options } = this.#job
    const store = openStore(out, options as StoreOptions)
    const manifest = JSON.parse(String(await store.read('manifest.json')))
    const seen = new Map<string, string>()
    let doubled = 0
    const named = new Set<string>(['manifest.json'])
    for (const { name } of manifest.shards) {
      named.add(name)
      for (const line of String(await store.read(name))
        .trimEnd()
        .split('\n')) {
        const [row, random] = (JSON.parse(line) as string).split(' ') as [string, string]
        if (seen.has(row)) doubled++
        seen.set(row, random)
      }
    }
    let lost = 0
    for (let shard = 0; shard < shards; shard++)
      for (let row = 0; row < rows; row++) if (!seen.has(`s${shard}:${row}`)) lost++
    let orphans = 0
    for await (const { name } of store.list()) if (!named.has(name)) orphans++
    return { lost, doubled, orphans }
  }
}
