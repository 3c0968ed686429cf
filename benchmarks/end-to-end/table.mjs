// The tables of a report, in Markdown.

/** @param report what run.mjs measured */
export function tableOf({ results }) {
  return results.map(jobTable).join('\n\n')
}

function jobTable({ title, rows }) {
  const [base] = rows
  const lines = rows.map((row) => [
    row.name,
    row.cpuSeconds.toFixed(2),
    (row.cpuSeconds / base.cpuSeconds).toFixed(2),
    `${row.seconds.toFixed(2)} (${row.others.toFixed(1)})`,
    (row.seconds / base.seconds).toFixed(2),
    row.firstMs.toFixed(0),
    row.rssMb.toFixed(0),
    String(row.items),
    row.mean.toPrecision(4),
  ])
  const head = [title, 'CPU s', '×', 'wall s (others)', '×', 'first, ms', 'MB', 'items', 'mean']
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...lines.map((line) => line[i].length)),
  )
  const format = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [format(head), rule, ...lines.map(format)].join('\n')
}
