import type { Report } from '../../engine/report/report.ts'
import type { SlotShares, StageStats } from '../../engine/stats/pipeline-stats.ts'
import { amount, percent, perSecond } from '../number-text.ts'
import { number, text } from './markup.ts'

const NODE = { width: 136, height: 88 }
const GAP = { x: 46, y: 30 }
const MARGIN = 16
/**
 * A chain continues in a new row after this many columns, so that the drawing fits the page and its
 * text stays legible.
 */
const PER_ROW = 6
const BETWEEN_ROWS = 56
const INSET = 10
const NAME_LENGTH = 15

interface Node extends Place {
  readonly name: string
  readonly detail: string
  readonly note: string
  readonly shares: SlotShares
  readonly failures: number
  readonly isBottleneck: boolean
}

/** The stages and the queues between them, from left to right. */
export function renderGraph({ stats, bottleneck }: Report): string {
  const { stages, consumer, elapsedMs } = stats
  const columns: (StageStats | undefined)[][] = [...columnsOf(stages), [undefined]]
  const { places, width, height } = layOut(columns)
  const nodes = stages.map(
    (stage): Node => ({
      name: stage.name,
      detail: `${stage.concurrency > 1 ? `×${stage.concurrency} · ` : ''}${perSecond(stage.items, elapsedMs)}/s`,
      note: stage.id === stages.at(-1)?.id ? '' : `busy ${percent(stage.shares.running)}`,
      shares: stage.shares,
      failures: stage.failures,
      isBottleneck: bottleneck?.stage === stage.name && bottleneck.kind !== 'consumer',
      ...(places.get(stage) as Place),
    }),
  )
  const taker: Node = {
    name: 'consumer',
    detail: `${perSecond(stats.items, elapsedMs)}/s`,
    note: `busy ${percent(consumer.busy)}`,
    shares: {
      idle: consumer.waiting,
      queued: 0,
      backoff: 0,
      throttled: 0,
      running: consumer.busy,
      blocked: 0,
    },
    failures: 0,
    isBottleneck: bottleneck?.kind === 'consumer',
    ...(places.get(undefined) as Place),
  }
  const makers = new Map(stages.map((stage, i) => [stage.id, { stage, node: nodes[i] as Node }]))
  const edges = stages.flatMap((stage, i) =>
    stage.upstream.map((id) => {
      const maker = makers.get(id) as { stage: StageStats; node: Node }
      return drawEdge(maker.node, nodes[i] as Node, maker.stage)
    }),
  )
  edges.push(drawEdge(nodes.at(-1) as Node, taker, stages.at(-1) as StageStats))
  return `<div class="scroll graph" tabindex="0" role="region" aria-label="Stage graph"><svg viewBox="0 0 ${width} ${height}" style="width:${width}px;min-width:${Math.round(width * 0.8)}px" role="img" aria-label="${text(inWords(stages, bottleneck?.stage))}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>${edges.join('')}${[...nodes, taker].map(drawNode).join('')}</svg></div>`
}

interface Place {
  readonly x: number
  readonly y: number
  readonly row: number
}

/** Columns in rows, each row as high as its fullest column. */
function layOut(columns: readonly (readonly (StageStats | undefined)[])[]): {
  readonly places: Map<StageStats | undefined, Place>
  readonly width: number
  readonly height: number
} {
  const places = new Map<StageStats | undefined, Place>()
  const heightOf = (count: number): number => count * (NODE.height + GAP.y) - GAP.y
  let top = MARGIN
  for (let row = 0; row * PER_ROW < columns.length; row++) {
    const inRow = columns.slice(row * PER_ROW, (row + 1) * PER_ROW)
    const tallest = heightOf(Math.max(...inRow.map((column) => column.length)))
    inRow.forEach((column, i) => {
      const above = (tallest - heightOf(column.length)) / 2
      column.forEach((stage, j) => {
        const y = top + above + j * (NODE.height + GAP.y)
        places.set(stage, { x: MARGIN + i * (NODE.width + GAP.x), y, row })
      })
    })
    top += tallest + BETWEEN_ROWS
  }
  const inWidest = Math.min(PER_ROW, columns.length)
  const width = inWidest * (NODE.width + GAP.x) - GAP.x + 2 * MARGIN
  return { places, width, height: top - BETWEEN_ROWS + MARGIN }
}

/** Groups stages by the length of the longest path from a source. */
function columnsOf(stages: readonly StageStats[]): StageStats[][] {
  const byId = new Map(stages.map((stage) => [stage.id, stage]))
  const depths = new Map<number, number>()
  const depthOf = (id: number): number => {
    const known = depths.get(id)
    if (known !== undefined) return known
    const depth = Math.max(-1, ...(byId.get(id)?.upstream ?? []).map(depthOf)) + 1
    depths.set(id, depth)
    return depth
  }
  const columns: StageStats[][] = []
  for (const stage of stages) {
    const depth = depthOf(stage.id)
    columns[depth] ??= []
    columns[depth].push(stage)
  }
  return columns
}

function drawNode(node: Node): string {
  const { x, y, shares } = node
  const [left, right] = [x + INSET, x + NODE.width - INSET]
  const inner = right - left
  const bar = `y="${number(y + NODE.height - 18)}" height="6"`
  let at = left
  const parts = (['running', 'queued', 'backoff', 'throttled', 'blocked'] as const).map((part) => {
    const rect = `<rect class="${part}" x="${number(at)}" width="${number(shares[part] * inner)}" ${bar}/>`
    at += shares[part] * inner
    return rect
  })
  const flag = node.isBottleneck ? pill('flag', 'bottleneck', left + 76, y) : ''
  const failed =
    node.failures > 0
      ? pill('failures', `${amount(node.failures)} failed`, right, y + NODE.height)
      : ''
  const name =
    node.name.length > NAME_LENGTH ? `${node.name.slice(0, NAME_LENGTH - 1)}…` : node.name
  return `<g class="node${node.isBottleneck ? ' bottleneck' : ''}"><title>${text(node.name)}</title><rect class="box" x="${x}" y="${number(y)}" width="${NODE.width}" height="${NODE.height}" rx="8"/><text class="name" x="${left}" y="${number(y + 24)}">${text(name)}</text><text class="note" x="${left}" y="${number(y + 42)}">${text(node.detail)}</text><text class="note" x="${left}" y="${number(y + 59)}">${text(node.note)}</text>${failed}<rect class="track" x="${left}" width="${inner}" ${bar}/>${parts.join('')}${flag}</g>`
}

/** A label on the edge of a box. The label ends at `right`. */
function pill(tone: string, label: string, right: number, y: number): string {
  const width = 12 + label.length * 6.4
  return `<g class="${tone}"><rect x="${number(right - width)}" y="${number(y - 8.5)}" width="${number(width)}" height="17" rx="8.5"/><text x="${number(right - width / 2)}" y="${number(y + 4)}" text-anchor="middle">${label}</text></g>`
}

/** An arrow with the occupancy of its queue. */
function drawEdge(from: Node, to: Node, { name, queue }: StageStats): string {
  const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2]
  const [x2, y2] = [to.x - 3, to.y + NODE.height / 2]
  const middle = (x1 + x2) / 2
  const wire =
    from.row === to.row
      ? `M${x1} ${number(y1)}C${middle} ${number(y1)} ${middle} ${number(y2)} ${x2} ${number(y2)}`
      : turning(x1, y1, x2, y2, to.y - BETWEEN_ROWS / 2)
  // In the middle of the edge, so that several edges of one stage have separate labels.
  const isStraight = from.row === to.row && Math.abs(y1 - y2) < 1
  const [left, top] =
    from.row !== to.row
      ? [x1 - 44, to.y - BETWEEN_ROWS / 2 - 12]
      : [middle - 16, (y1 + y2) / 2 - (isStraight ? 14 : 20)]
  const below = isStraight ? top + 29 : top - 4
  return `<g class="edge"><title>${text(`queue of ${name}: something ready ${percent(queue.occupancy)} of the time, now ${queue.size} of ${queue.capacity}`)}</title><path class="wire" d="${wire}" marker-end="url(#arrow)"/><rect class="track" x="${number(left)}" y="${number(top)}" width="32" height="7"/><rect class="ready" x="${number(left)}" y="${number(top)}" width="${number(queue.occupancy * 32)}" height="7"/><text class="note" x="${number(left + 16)}" y="${number(below)}" text-anchor="middle">${percent(queue.occupancy)}</text></g>`
}

/** A path from the end of a row, back between the rows, to the beginning of the next. */
function turning(x1: number, y1: number, x2: number, y2: number, between: number): string {
  const [out, back, r] = [x1 + 12, x2 - 10, 6]
  return `M${x1} ${number(y1)}H${out - r}Q${out} ${number(y1)} ${out} ${number(y1 + r)}V${number(between - r)}Q${out} ${number(between)} ${out - r} ${number(between)}H${back + r}Q${back} ${number(between)} ${back} ${number(between + r)}V${number(y2 - r)}Q${back} ${number(y2)} ${back + r} ${number(y2)}H${x2}`
}

function inWords(stages: readonly StageStats[], bottleneck: string | undefined): string {
  const names = new Map(stages.map((stage) => [stage.id, stage.name]))
  const lines = stages
    .filter((stage) => stage.upstream.length > 0)
    .map(
      (stage) =>
        `${stage.name} takes from ${stage.upstream.map((id) => names.get(id)).join(' and ')}`,
    )
  return `Graph of ${stages.length} stages. ${lines.join('; ')}.${bottleneck === undefined ? '' : ` Bottleneck: ${bottleneck}.`}`
}
