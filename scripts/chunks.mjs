// Decides which modules share a file of a bundle. A bundler makes one chunk for each set of entry
// points that use the same modules, and a package with twenty entry points then has fifty small
// chunks. Node takes about 0.7 ms of CPU time for each file, as long as for 20 KB of code, and
// about as long for a module of its own. So chunks are merged while that makes the entry points
// cheaper, on average, to load.

const COST_OF_FILE = 20_000 // in bytes of code
/** What modules of Node cost above that, in bytes of code, measured on Node 20. */
const COST_OF_BUILTIN = {
  'node:child_process': 100_000,
  'node:crypto': 100_000,
  'node:fs': 80_000,
  'node:http': 100_000,
  'node:perf_hooks': 30_000,
  'node:worker_threads': 80_000,
  'node:zlib': 60_000,
}

/**
 * Plans the chunks of a bundle: a map from the module's id to the name of its chunk. Modules that
 * are not in the map stay with their entry point.
 *
 * @param output what the bundler made without a plan
 * @param weightOf how often an entry point is loaded, in relation to others
 */
export function planChunks(output, weightOf) {
  const chunks = output.filter(({ type }) => type === 'chunk')
  const graph = new Map(
    chunks.map(({ fileName, imports, code, isEntry, isDynamicEntry, facadeModuleId }) => [
      fileName,
      {
        imports: new Set(imports),
        bytes: code.length,
        weight: isEntry || isDynamicEntry ? weightOf(facadeModuleId, isEntry) : 0,
        isFixed: isEntry || isDynamicEntry,
        members: [fileName],
      },
    ]),
  )
  for (const name of new Set(chunks.flatMap(({ imports }) => imports)))
    if (!graph.has(name))
      graph.set(name, {
        imports: new Set(),
        bytes: COST_OF_BUILTIN[name] ?? 0,
        weight: 0,
        isFixed: true,
        members: [],
      })
  const modulesOf = new Map(chunks.map(({ fileName, moduleIds }) => [fileName, moduleIds]))
  const plan = new Map()
  for (const { isFixed, members } of cheapest(graph).values())
    if (!isFixed)
      for (const member of members)
        for (const id of modulesOf.get(member)) plan.set(id, members.join('+'))
  return plan
}

/** In how many orders merging is tried. Which merges are found depends on the order. */
const TRIES = 16

/** The cheapest graph that merging finds. */
function cheapest(graph) {
  const tries = Array.from({ length: TRIES }, (_, seed) => mergeAll(graph, seed))
  return tries.reduce((best, one) => (costOf(one) < costOf(best) ? one : best))
}

/** Merges two chunks wherever that lowers the cost, until nothing is left to gain. */
function mergeAll(graph, seed) {
  let merged = graph
  let cost = costOf(graph)
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false
    const names = [...merged].filter(([, { isFixed }]) => !isFixed).map(([name]) => name)
    shuffle(names, seed)
    for (const [i, into] of names.entries())
      for (const from of names.slice(i + 1)) {
        if (!merged.has(into) || !merged.has(from)) continue
        const next = mergeTwo(merged, into, from)
        const nextCost = costOf(next)
        if (nextCost >= cost || hasCycle(next, into)) continue
        merged = next
        cost = nextCost
        hasChanged = true
      }
  }
  return merged
}

/** The same order for the same seed, so that builds can be repeated. */
function shuffle(names, seed) {
  let state = seed + 1
  for (let i = names.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const j = (state >>> 8) % (i + 1)
    ;[names[i], names[j]] = [names[j], names[i]]
  }
}

function mergeTwo(graph, into, from) {
  const [one, other] = [graph.get(into), graph.get(from)]
  const merged = new Map()
  for (const [name, chunk] of graph) {
    if (name === from) continue
    const imports = new Set(name === into ? [...one.imports, ...other.imports] : chunk.imports)
    if (imports.delete(from)) imports.add(into)
    if (name === into) imports.delete(into)
    merged.set(name, { ...chunk, imports })
  }
  Object.assign(merged.get(into), {
    bytes: one.bytes + other.bytes,
    members: [...one.members, ...other.members],
  })
  return merged
}

/** What it takes to load every entry point by itself, in bytes. */
function costOf(graph) {
  let cost = 0
  for (const [name, { weight }] of graph)
    if (weight > 0)
      for (const loaded of reachedFrom(graph, [name]))
        cost += weight * (graph.get(loaded).bytes + COST_OF_FILE)
  return cost
}

function hasCycle(graph, name) {
  return reachedFrom(graph, graph.get(name).imports).has(name)
}

function reachedFrom(graph, names) {
  const reached = new Set(names)
  for (const name of reached) for (const next of graph.get(name).imports) reached.add(next)
  return reached
}
