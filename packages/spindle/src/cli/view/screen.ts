import { stripVTControlCharacters } from 'node:util'
import { width } from '../../cells.ts'

/** The part of a terminal that the view uses. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): boolean
  hasColors?(): boolean
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
/**
 * Synchronised output (https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036):
 * half-drawn frames are never visible.
 */
const BEGIN = '\x1b[?2026h'
const END = '\x1b[?2026l'
const TO_LINE_END = '\x1b[K'
const TO_SCREEN_END = '\x1b[J'

/**
 * Lines at the bottom of a terminal that are redrawn. Other output to the given streams appears
 * above them.
 */
export class Screen {
  readonly #terminal: Terminal
  readonly #write: (text: string) => boolean
  readonly #unwrap: (() => void)[] = []
  readonly #onExit = (): void => this.end()
  #lines: readonly string[] = []
  #isShown = false
  #isEnded = false

  constructor(terminal: Terminal, streams: readonly Terminal[]) {
    this.#terminal = terminal
    this.#write = terminal.write.bind(terminal)
    for (const stream of new Set(streams)) if (stream.isTTY === true) this.#wrap(stream)
    // Restores the cursor, whatever ends the process.
    process.once('exit', this.#onExit)
    this.#write(HIDE_CURSOR)
  }

  /** Replaces the previous lines. */
  draw(lines: readonly string[]): void {
    if (this.#isEnded) return
    const up = this.#isShown ? toTop(this.#lines, this.#terminal.columns || 80) : ''
    this.#lines = lines
    this.#isShown = true
    this.#write(
      `${BEGIN}${up}${lines.map((text) => `${text}${TO_LINE_END}\n`).join('')}${TO_SCREEN_END}${END}`,
    )
  }

  /** Removes the lines and puts the cursor where they began. */
  end(): void {
    if (this.#isEnded) return
    this.#erase()
    this.#isEnded = true
    this.#write(SHOW_CURSOR)
    process.off('exit', this.#onExit)
    for (const unwrap of this.#unwrap) unwrap()
  }

  #erase(): void {
    if (!this.#isShown) return
    this.#write(`${toTop(this.#lines, this.#terminal.columns || 80)}${TO_SCREEN_END}`)
    this.#isShown = false
  }

  /**
   * Handles other output: removes the lines, writes the output, and lets the next drawing put the
   * lines below it.
   */
  #wrap(stream: Terminal): void {
    const { write } = stream
    const own = stream as { write: (...args: never[]) => boolean }
    own.write = (...args: never[]): boolean => {
      this.#erase()
      const isFlushed = (write as (...args: never[]) => boolean).apply(stream, args)
      // An unfinished line would be overwritten by the next drawing.
      if (!endsLine(args[0])) write.call(stream, '\n')
      return isFlushed
    }
    this.#unwrap.push(() => {
      own.write = write as (...args: never[]) => boolean
    })
  }
}

function endsLine(chunk: unknown): boolean {
  if (typeof chunk === 'string') return chunk === '' || chunk.endsWith('\n')
  return !(chunk instanceof Uint8Array) || chunk.length === 0 || chunk.at(-1) === 0x0a
}

/** Moves to the first of the lines. A terminal that became narrower has wrapped them. */
function toTop(lines: readonly string[], columns: number): string {
  const rows = lines.reduce(
    (sum, text) => sum + Math.max(1, Math.ceil(width(stripVTControlCharacters(text)) / columns)),
    0,
  )
  return `\r\x1b[${rows}A`
}
