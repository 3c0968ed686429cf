/** The part that limits a pipeline's throughput. */
export interface Bottleneck {
  /**
   * Name of the stage. `'consumer'` if the pipeline waits for the code that takes its items. For
   * `'cpu'`, the busiest stage.
   */
  readonly stage: string
  /**
   * - `'stage'`: its slots are in use, and its calls wait for something other than the CPU. More
   *   calls at a time may help.
   * - `'executor'`: all workers or threads that run its calls are in use.
   * - `'cpu'`: the cores are used up, by this process or by others.
   * - `'inner'`: its calls wait for each other inside the op, or in what it calls. More calls at a
   *   time only take longer.
   * - `'loop'`: it blocks the event loop, where nothing else can run at that time.
   * - `'source'`: the stages wait for it.
   * - `'consumer'`: finished items wait for it.
   * - `'rateLimited'`: its calls are refused and wait between attempts, or run into their time
   *   limit.
   * - `'memory'`: a limit in bytes (`maxBytes`) stops the stage before it.
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
  /** The numbers behind the verdict. Shares are 0 to 1, CPU use is in cores. */
  readonly evidence: Readonly<Record<string, number>>
  /**
   * The factor by which the advice increases the throughput, as far as it is known. The cores, the
   * workers, the other stages and the event loop limit it. 1 if no gain is known.
   */
  readonly promise: number
  /** The number to change, if that is the advice. */
  readonly change?: BottleneckChange
  /**
   * How many times faster the pipeline would be if this part were infinitely fast. The next part
   * limits it then. At most 100.
   */
  readonly headroom: number
}

/** A number to change. */
export interface BottleneckChange {
  readonly stage: string
  /**
   * `'workers'`: of the stage's pool or region. The stage's `concurrency` must be at least as
   * large.
   */
  readonly option: 'concurrency' | 'workers' | 'maxBytes'
  readonly from: number
  readonly to: number
}

/** A bottleneck, or what is missing to find one. */
export interface Verdict {
  readonly bottleneck: Bottleneck | undefined
  /** Why there is no verdict, as text. `undefined` if there is one. */
  readonly missing: string | undefined
}
