import { MediaError } from '../../base/errors.ts'
import type { FFmpeg } from '../../ffmpeg/library.ts'

/** An open end of a filter graph. */
export interface OpenEnd {
  /** Its label in the description; `'in'` or `'out'` without one. */
  readonly label: string
  /** Content of the end. */
  readonly kind: 'video' | 'audio'
}

/** A description in which all open ends have labels. */
export interface ScannedGraph {
  readonly text: string
  readonly inputs: readonly OpenEnd[]
  readonly outputs: readonly OpenEnd[]
}

interface Step {
  readonly name: string
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/**
 * Finds the open ends of a filter graph: labels that only one side uses, and the ends of a chain
 * without labels. FFmpeg's syntax separates chains by `;` and filters by `,`, puts labels in `[]`,
 * and quotes with `'` and `\`.
 *
 * @throws MediaError `ERR_BAD_OPTION` for an unknown filter, and for a chain with an end that needs
 *   a label
 */
export function scanGraph(ffmpeg: FFmpeg, text: string): ScannedGraph {
  const chains = split(text, ';').map((chain) => ({
    chain,
    steps: split(chain, ',').map(parseStep),
  }))
  const labelled: string[] = []
  const made = new Map<string, 'video' | 'audio'>()
  const used = new Map<string, 'video' | 'audio'>()
  for (const { chain, steps } of chains) {
    let [begin, end] = ['', '']
    for (const [i, step] of steps.entries()) {
      const ends = endsOf(ffmpeg, step.name)
      // FFmpeg does not report the pads of filters whose number of pads is an option. These have
      // one kind on both sides, which their names tell.
      const before =
        i === 0
          ? labels(step.before, ends.inputs.length > 0 || ends.hasManyInputs, 'in')
          : step.before
      const isLast = i === steps.length - 1
      const after = isLast
        ? labels(step.after, ends.outputs.length > 0 || ends.hasManyOutputs, 'out')
        : step.after
      if (step.before.length === 0) begin += before.map((label) => `[${label}]`).join('')
      if (step.after.length === 0) end += after.map((label) => `[${label}]`).join('')
      for (const [pad, label] of before.entries()) used.set(label, ends.inputs[pad] ?? ends.kind)
      for (const [pad, label] of after.entries()) made.set(label, ends.outputs[pad] ?? ends.kind)
    }
    labelled.push(begin + chain.trim() + end)
  }
  const open = (one: Map<string, 'video' | 'audio'>, other: Map<string, unknown>): OpenEnd[] =>
    [...one].filter(([label]) => !other.has(label)).map(([label, kind]) => ({ label, kind }))
  return { text: labelled.join(';'), inputs: open(used, made), outputs: open(made, used) }
}

interface FilterEnds {
  readonly inputs: readonly ('video' | 'audio')[]
  readonly outputs: readonly ('video' | 'audio')[]
  readonly hasManyInputs: boolean
  readonly hasManyOutputs: boolean
  /** Kind of the pads that FFmpeg does not report. */
  readonly kind: 'video' | 'audio'
}

function endsOf({ av, constants: c }: FFmpeg, name: string): FilterEnds {
  const filter = av.Filter.getByName(name)
  if (filter === null)
    throw new MediaError('ERR_BAD_OPTION', `\`description\`: FFmpeg has no filter '${name}'`)
  const kinds = (pads: readonly { readonly type: number }[]): ('video' | 'audio')[] =>
    pads.map(({ type }) => (type === c.AVMEDIA_TYPE_AUDIO ? 'audio' : 'video'))
  const [inputs, outputs] = [kinds(filter.inputs), kinds(filter.outputs)]
  return {
    inputs,
    outputs,
    hasManyInputs: filter.hasFlags(c.AVFILTER_FLAG_DYNAMIC_INPUTS),
    hasManyOutputs: filter.hasFlags(c.AVFILTER_FLAG_DYNAMIC_OUTPUTS),
    kind: inputs[0] ?? outputs[0] ?? (/^a/.test(name) ? 'audio' : 'video'),
  }
}

/** The labels of an end of a chain: its own, or the one that FFmpeg gives it. */
function labels(given: readonly string[], isOpen: boolean, standard: string): readonly string[] {
  return given.length > 0 || !isOpen ? given : [standard]
}

function parseStep(text: string): Step {
  const match =
    /^\s*(?<before>(?:\[[^\]]*\]\s*)*)(?<body>[\s\S]*?)(?<after>(?:\s*\[[^\]]*\])*)\s*$/.exec(text)
  const { before = '', body = '', after = '' } = match?.groups ?? {}
  const name = /^[\w-]+/.exec(body)?.[0] ?? ''
  if (name === '')
    throw new MediaError(
      'ERR_BAD_OPTION',
      `\`description\` must name a filter where it has "${text.trim()}"`,
    )
  return { name, before: labelsIn(before), after: labelsIn(after) }
}

function labelsIn(text: string): string[] {
  return [...text.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1]!.trim())
}

/** Splits at every `separator` that is neither quoted nor in brackets. */
function split(text: string, separator: string): string[] {
  const parts: string[] = []
  let part = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (character === '\\' && !isQuoted) part += character + (text[++i] ?? '')
    else if (character === separator && !isQuoted) {
      parts.push(part)
      part = ''
    } else {
      if (character === "'") isQuoted = !isQuoted
      part += character
    }
  }
  parts.push(part)
  return parts.filter((one, i) => one.trim() !== '' || parts.length === 1 || i < parts.length - 1)
}
