import { clip, cutNames, padEnd, padStart, width } from './cells.ts'

/** A column of a table for people. */
export interface TableColumn {
  readonly heading: string
  readonly cells: readonly string[]
  /**
   * Where there is not room for all, columns with the lowest numbers go first; one without a number
   * stays.
   */
  readonly rank?: number | undefined
}

const GAP = '  '
/** Names get so many cells, if they are longer, before a column is kept. */
const NAME_CELLS = 16

/**
 * The lines of a table, each of at most `most` cells: columns that are wanted least are left out,
 * then names are cut at their beginnings. The first column is that of the names; the others are
 * numbers.
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

/** A row's cell; -1: the heading. */
function cellOf({ heading, cells }: TableColumn, row: number): string {
  return row < 0 ? heading : (cells[row] ?? '')
}

function widthOf({ heading, cells }: TableColumn): number {
  return Math.max(width(heading), ...cells.map(width))
}

function lengthOf(columns: readonly TableColumn[]): number {
  return columns.reduce((sum, column) => sum + GAP.length + widthOf(column), 0)
}

/** Cells of a line of the terminal that standard output is; `undefined` where it is none. */
export function terminalColumns(): number | undefined {
  try {
    const { isTTY, columns } = process.stdout
    return isTTY && columns > 0 ? columns : undefined
  } catch {
    return undefined
  }
}
