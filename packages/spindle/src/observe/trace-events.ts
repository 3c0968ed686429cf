/**
 * One event of Chrome's Trace Event Format, as far as it is used here. Times in microseconds since
 * the trace began.
 */
export interface TraceEvent {
  readonly name: string
  /** `X` a stretch, `C` a counter, `i` an instant, `M` the name of a process or lane. */
  readonly ph: 'X' | 'C' | 'i' | 'M'
  readonly ts: number
  /** Length of a stretch. */
  readonly dur?: number
  readonly pid: number
  /** The lane. */
  readonly tid: number
  readonly cat?: string
  /** Of an instant: how far its line goes. */
  readonly s?: 't' | 'p' | 'g'
  readonly args?: Readonly<Record<string, unknown>>
}

/** Where events go; `false`: there is no room, and the event is lost. */
export interface TraceSink {
  write(event: TraceEvent): boolean
  /** Resolves when all is where it is to be. */
  end(): Promise<void>
}
