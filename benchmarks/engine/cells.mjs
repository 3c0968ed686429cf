// The list of measurements: every implementation in every shape, order and concurrency that it
// supports.
import { IMPLEMENTATIONS, loadImplementation } from './implementations/index.mjs'

const ORDERS = ['completion', 'input']

/** Shapes in the order in which they are printed; each group is one table. */
const GROUPS = [
  ...[1, 4, 16].flatMap((concurrency) =>
    ORDERS.map((order) => ({ shape: 'async', order, concurrency })),
  ),
  { shape: 'sync', order: 'completion', concurrency: 1 },
  ...ORDERS.map((order) => ({ shape: 'timers', order, concurrency: 32 })),
  ...ORDERS.map((order) => ({ shape: 'files', order, concurrency: 32 })),
  { shape: 'files-fast', order: 'completion', concurrency: 32 },
]

const LONG_RUN_ITEMS = 1e7

/**
 * @param {{ only?: string[], isQuick?: boolean }} options `only` holds names of implementations or
 *   shapes
 * @returns {Promise<{ cells: object[], skipped: { id: string, why: string }[] }>}
 */
export async function listCells({ only = [], isQuick = false }) {
  const skipped = []
  const implementations = []
  for (const id of IMPLEMENTATIONS) {
    try {
      implementations.push({ id, ...(await loadImplementation(id)) })
    } catch (error) {
      skipped.push({ id, why: error.message })
    }
  }
  const cells = []
  for (const group of GROUPS) {
    for (const implementation of implementations) {
      const items = implementation.items[group.shape]
      if (items === undefined || !implementation.supports(group)) continue
      cells.push({
        ...describe(implementation),
        ...group,
        items: isQuick ? Math.ceil(items / 10) : items,
      })
    }
  }
  for (const id of ['spindle-forEach', 'spindle-for-await']) {
    const spindle = implementations.find((implementation) => implementation.id === id)
    const group = { shape: 'long', order: 'completion', concurrency: 16 }
    if (spindle)
      cells.push({ ...describe(spindle), ...group, items: isQuick ? 1e6 : LONG_RUN_ITEMS })
  }
  return { cells: cells.filter((cell) => isWanted(cell, only)), skipped }
}

function isWanted({ id, shape }, only) {
  if (only.length === 0) return true
  const isNamed = (name) => only.includes(name)
  const wantsShapes = only.some(
    (name) => name === 'long' || GROUPS.some((group) => group.shape === name),
  )
  const wantsIds = only.some((name) => IMPLEMENTATIONS.includes(name))
  return (!wantsShapes || isNamed(shape)) && (!wantsIds || isNamed(id))
}

function describe({
  id,
  name,
  hasConcurrency,
  backpressure,
  isPython = false,
  configuration = id,
}) {
  return { id, name, hasConcurrency, backpressure, isPython, configuration }
}
