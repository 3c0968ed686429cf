/**
 * One event of Chrome's Trace Event Format, with the fields used here. Times are in microseconds
 * since the trace began.
 */
export interface TraceEvent {
  readonly name: string
  /** `X`: an interval, `C`: a counter, `i`: an instant, `M`: the name of a process or lane. */
  readonly ph: 'X' | 'C' | 'i' | 'M'
  readonly ts: number
  /** Length of the interval. */
  readonly dur?: number
  readonly pid: number
  /** Number of the lane. */
  readonly tid: number
  readonly cat?: string
  /** Scope of an instant: how far its line extends. */
  readonly s?: 't' | 'p' | 'g'
  readonly args?: Readonly<Record<string, unknown>>
}

/** Receives events. `write` returns `false` if there is no room; the event is then lost. */
export interface TraceSink {
  write(event: TraceEvent): boolean
  /** Resolves when everything is written. */
  end(): Promise<void>
}
