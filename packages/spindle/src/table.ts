import { clip, cutNames, padEnd, padStart, width } from './cells.ts'

/** A column of a printed table. */
export interface TableColumn {
  readonly heading: string
  readonly cells: readonly string[]
  /**
   * Columns with the lowest numbers are dropped first if there is no room for all. A column without
   * a number is never dropped.
   */
  readonly rank?: number | undefined
}

const GAP = '  '
/** Longer names keep at least this many cells; columns are dropped first. */
const NAME_CELLS = 16

/**
 * Draws the lines of a table, each of at most `most` cells. If there is no room, columns with low
 * ranks are dropped first, then the beginnings of names are cut. The first column has the names,
 * the others have numbers.
 */
export function drawTable(
  columns: readonly TableColumn[],
  most: number = Number.POSITIVE_INFINITY,
): readonly string[] {
  const [names, ...others] = columns
  if (names === undefined) return []
  let shown = others
  const nameWidth = widthOf(names)
  const least = Math.min(nameWidth, NAME_CELLS)
  while (least + lengthOf(shown) > most) {
    const first = shown.reduce<TableColumn | undefined>(
      (lowest, column) =>
        (column.rank ?? Infinity) < (lowest?.rank ?? Infinity) ? column : lowest,
      undefined,
    )
    if (first === undefined) break
    shown = shown.filter((column) => column !== first)
  }
  const cells = Math.max(1, Math.min(nameWidth, most - lengthOf(shown)))
  const short = cutNames(names.cells, cells)
  return [-1, ...names.cells.keys()].map((row) => {
    const name = row < 0 ? clip(names.heading, cells) : (short[row] ?? '')
    const numbers = shown.map((column) => GAP + padStart(cellOf(column, row), widthOf(column)))
    return clip(`${padEnd(name, cells)}${numbers.join('')}`.trimEnd(), most)
  })
}

/** The cell of a row. Row -1 is the heading. */
function cellOf({ heading, cells }: TableColumn, row: number): string {
  return row < 0 ? heading : (cells[row] ?? '')
}

function widthOf({ heading, cells }: TableColumn): number {
  return Math.max(width(heading), ...cells.map(width))
}

function lengthOf(columns: readonly TableColumn[]): number {
  return columns.reduce((sum, column) => sum + GAP.length + widthOf(column), 0)
}

/**
 * The width of the terminal behind standard output, in cells. `undefined` if it is not a terminal.
 */
export function terminalColumns(): number | undefined {
  try {
    const { isTTY, columns } = process.stdout
    return isTTY && columns > 0 ? columns : undefined
  } catch {
    return undefined
  }
}
