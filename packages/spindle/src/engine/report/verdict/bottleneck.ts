/** What limits a pipeline's throughput. */
export interface Bottleneck {
  /**
   * Name of the stage; `'consumer'` when the pipeline waits for the code that takes its items. Of
   * `'cpu'`: the busiest stage.
   */
  readonly stage: string
  /**
   * - `'stage'`: its slots are in use, and its calls wait for something else than the CPU: more of
   *   them at a time may help.
   * - `'executor'`: all workers or threads that run its calls are in use.
   * - `'cpu'`: the cores are used up, by this process or by others.
   * - `'inner'`: its calls wait for each other inside the op, or in what it calls: more at a time
   *   only take longer.
   * - `'loop'`: it holds the event loop, where nothing else runs meanwhile.
   * - `'source'`: the stages wait for it.
   * - `'consumer'`: finished items wait for it.
   * - `'rateLimited'`: its calls are refused and wait between tries.
   * - `'memory'`: a bound on bytes (`maxBytes`) is what keeps the stage before it from going on.
   */
  readonly kind:
    | 'stage'
    | 'executor'
    | 'cpu'
    | 'inner'
    | 'loop'
    | 'source'
    | 'consumer'
    | 'rateLimited'
    | 'memory'
  readonly reason: string
  readonly advice: string
  /** The numbers that the verdict rests on: shares are 0 to 1, CPU is in cores. */
  readonly evidence: Readonly<Record<string, number>>
  /**
   * How many times the throughput following the advice gives, as far as it is known: bounded by the
   * cores, the workers, the other stages and the event loop. 1 if no gain is known.
   */
  readonly promise: number
  /** The number to change, if the advice is one. */
  readonly change?: BottleneckChange
  /**
   * How many times faster the pipeline would be if this were infinitely fast: what comes next
   * limits it then. At most 100.
   */
  readonly headroom: number
}

/** One number to change. */
export interface BottleneckChange {
  readonly stage: string
  /**
   * `'workers'`: of the stage's pool, or of its region; the stage's `concurrency` must be at least
   * as large.
   */
  readonly option: 'concurrency' | 'workers' | 'maxBytes'
  readonly from: number
  readonly to: number
}

/** A bottleneck, or what is missing to name one. */
export interface Verdict {
  readonly bottleneck: Bottleneck | undefined
  /** Why there is no verdict, in words; `undefined` where there is one. */
  readonly missing: string | undefined
}
