// The engine's targets, printed with PASS or FAIL. They are for people: on a busy machine a FAIL
// may be noise.

/**
 * Prints and returns `{ target, value, limit, isMet }` for each target whose cells were measured.
 */
export function checkTargets(cells) {
  const results = [
    ...checkAsync(cells),
    ...checkOrder(cells),
    ...checkSync(cells),
    ...checkSpdl(cells),
    ...checkMemory(cells),
    ...checkWaiting(cells),
  ]
  if (results.length > 0) console.log('\n### Targets\n')
  for (const { target, value, limit, isMet, note } of results) {
    console.log(
      `${isMet ? 'PASS' : 'FAIL'}  ${target}: ${value} (${limit})${note ? `; ${note}` : ''}`,
    )
  }
  return results
}

function checkAsync(cells) {
  const best = findBestRival(cells, 'async', 16, (cell) => cell.hasConcurrency)
  if (!best) return []
  return [
    ['spindle-for-await', 'for await', 0.5],
    ['spindle-forEach', 'forEach', 0.35],
  ].flatMap(([id, consumer, limit]) => {
    const spindle = find(cells, id, 'async', 'completion', 16)
    if (!spindle) return []
    const ratio = spindle.nsPerItem / best.nsPerItem
    const note = `the best rival is ${best.name}, ${best.order} order`
    return atMost(
      `async, c=16, ${consumer} / best rival with concurrency and backpressure`,
      ratio,
      limit,
      note,
    )
  })
}

function checkOrder(cells) {
  return ['spindle-forEach', 'spindle-chunks', 'spindle-for-await'].flatMap((id) => {
    const completion = find(cells, id, 'async', 'completion', 16)
    const input = find(cells, id, 'async', 'input', 16)
    if (!completion || !input) return []
    return atMost(
      `async, c=16, ${id}: input / completion order`,
      input.nsPerItem / completion.nsPerItem,
      1.15,
    )
  })
}

function checkSync(cells) {
  const best = findBestRival(cells, 'sync', 1, () => true)
  const spindle = find(cells, 'spindle-forEach', 'sync', 'completion', 1)
  if (!best || !spindle) return []
  const ratio = spindle.nsPerItem / best.nsPerItem
  return atMost(
    'sync, forEach / best rival with backpressure',
    ratio,
    1,
    `the best rival is ${best.name}`,
  )
}

// Spindle counts and times its tasks, so SPDL with its task statistics is the fair comparison; the
// other is SPDL at its best.
function checkSpdl(cells) {
  const forAwait = find(cells, 'spindle-for-await', 'async', 'completion', 16)
  const forEach = find(cells, 'spindle-forEach', 'async', 'completion', 16)
  return ['spdl-best-hooks', 'spdl-best', 'spdl-default'].flatMap((id) => {
    const spdl = find(cells, id, 'async', 'completion', 16)
    if (!spdl || !forAwait || !forEach) return []
    const times = spdl.nsPerItem / forEach.nsPerItem
    return [
      {
        target: `async, c=16, forEach: times ${spdl.name}`,
        value: Math.round(times),
        limit: '>= 300',
        isMet: times >= 300,
        note: `for await: ${Math.round(spdl.nsPerItem / forAwait.nsPerItem)}`,
      },
    ]
  })
}

function checkMemory(cells) {
  return cells
    .filter((cell) => cell.shape === 'long')
    .map((cell) => ({
      target: `max RSS after ${cell.items.toExponential()} items, ${cell.id}`,
      value: `${cell.maxRssMb.toFixed(0)} MB`,
      limit: '<= 80 MB',
      isMet: cell.maxRssMb <= 80,
    }))
}

function checkWaiting(cells) {
  return ['timers', 'files', 'files-fast'].flatMap((shape) => {
    const lanes = find(cells, 'bare', shape, 'completion', 32)
    const pMaps = ['completion', 'input']
      .map((order) => find(cells, 'p-map', shape, order, 32))
      .filter(Boolean)
    return ['spindle-forEach', 'spindle-for-await'].flatMap((id) => {
      const spindle = find(cells, id, shape, 'completion', 32)
      if (!spindle) return []
      const results = []
      if (lanes) {
        const share = lanes.nsPerItem / spindle.nsPerItem
        results.push({
          target: `${shape}, ${id}: throughput / bare lanes`,
          value: share.toFixed(3),
          limit: '>= 0.95',
          isMet: share >= 0.95,
        })
      }
      if (pMaps.length > 0) {
        const cpu = spindle.cpuNsPerItem / Math.min(...pMaps.map((cell) => cell.cpuNsPerItem))
        results.push({
          target: `${shape}, ${id}: CPU per item / p-map`,
          value: cpu.toFixed(2),
          limit: '< 1',
          isMet: cpu < 1,
        })
      }
      return results
    })
  })
}

// Output in input order is also output in some order, so a rival may win with either.
function findBestRival(cells, shape, concurrency, isComparable) {
  return cells
    .filter(
      (cell) =>
        cell.shape === shape && cell.concurrency === concurrency && !cell.id.startsWith('spindle'),
    )
    .filter((cell) => cell.backpressure === 'yes' && isComparable(cell))
    .toSorted((a, b) => a.nsPerItem - b.nsPerItem)[0]
}

function find(cells, id, shape, order, concurrency) {
  return cells.find(
    (cell) =>
      cell.id === id &&
      cell.shape === shape &&
      cell.order === order &&
      cell.concurrency === concurrency,
  )
}

function atMost(target, ratio, limit, note) {
  return [{ target, value: ratio.toFixed(3), limit: `<= ${limit}`, isMet: ratio <= limit, note }]
}
