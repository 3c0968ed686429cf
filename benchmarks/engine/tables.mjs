// Prints one Markdown table a group of cells: time and CPU an item, memory, and each rival's time
// as a multiple of Spindle's.

const TITLES = {
  async: '3 async no-op stages',
  sync: '3 sync no-op stages',
  timers: '3 stages of 1 ms timers',
  files: 'reading files of 8 KB, fs.promises.readFile',
  'files-fast': 'reading files of 8 KB, the callback API (Spindle: its `readFile`)',
  long: '3 async no-op stages, long run',
}

const CONSUMERS = [
  ['spindle-forEach', 'x forEach'],
  ['spindle-chunks', 'x chunks'],
  ['spindle-for-await', 'x for await'],
]

export function printTables(cells) {
  const groups = Map.groupBy ? Map.groupBy(cells, groupKey) : groupCells(cells)
  for (const group of groups.values()) printTable(group)
}

function printTable(group) {
  const { shape, order, concurrency } = group[0]
  console.log(`\n### ${TITLES[shape]}; ${order} order, concurrency ${concurrency}\n`)
  const consumers = CONSUMERS.map(([id]) => group.find((cell) => cell.id === id))
  const rows = group
    .toSorted((a, b) => a.nsPerItem - b.nsPerItem)
    .map((cell) => [
      cell.name,
      cell.hasConcurrency ? 'yes' : 'no',
      cell.backpressure,
      showTime(cell.nsPerItem),
      showTime(cell.cpuNsPerItem),
      ...consumers.map((spindle) => (spindle ? showRatio(cell.nsPerItem / spindle.nsPerItem) : '')),
      cell.maxRssMb.toFixed(0),
      cell.items.toExponential(0).replace('+', ''),
    ])
  const head = [
    '',
    'concurrency',
    'backpressure',
    'per item',
    'CPU per item',
    ...CONSUMERS.map(([, title]) => title),
    'max RSS MB',
    'items',
  ]
  printRows([head, head.map((_, at) => (at < 3 ? '---' : '--:')), ...rows])
}

function printRows(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)))
  for (const row of rows) {
    console.log(
      `| ${row.map((text, at) => (at < 3 ? text.padEnd(widths[at]) : text.padStart(widths[at]))).join(' | ')} |`,
    )
  }
}

function showTime(ns) {
  if (ns < 1000) return `${ns.toFixed(ns < 10 ? 1 : 0)} ns`
  return `${(ns / 1000).toFixed(ns < 10_000 ? 2 : 1)} us`
}

function showRatio(ratio) {
  return ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)
}

// Map.groupBy is not in Node 20.
function groupCells(cells) {
  const groups = new Map()
  for (const cell of cells) {
    const key = groupKey(cell)
    groups.set(key, [...(groups.get(key) ?? []), cell])
  }
  return groups
}

function groupKey({ shape, order, concurrency }) {
  return `${shape} ${order} ${concurrency}`
}
