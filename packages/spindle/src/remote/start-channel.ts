import { fileURLToPath } from 'node:url'
import type { SpindleError } from '../errors.ts'
import { FileSlots } from '../placement/memory/file-slots.ts'
import { notTransferable } from '../placement/not-transferable.ts'
import { entryOf, startThread } from '../placement/start-worker.ts'
import { Channel, type ChannelOwner } from './channel.ts'
import { encode } from './frames.ts'
import type { RemotePipelineOptions } from './options.ts'
import type { Assignment } from './protocol.ts'

type Limits = RemotePipelineOptions['resourceLimits']

/** Starts a thread that runs the assignment. @throws `ERR_NOT_TRANSFERABLE` if the assignment cannot cross. */
export function startInThread(owner: ChannelOwner, assignment: Assignment, limits: Limits): Channel {
  const entry = new URL('./thread-main.js', import.meta.url).href
  return new Channel(owner, undefined, (ends) => {
    const { port, lifeline } = ends
    const options = { resourceLimits: limits, transferList: [port, lifeline] }
    try {
      return startThread(entry, { ...ends, assignment }, options)
    } catch (error) {
      throw error instanceof DOMException && error.name === 'DataCloneError'
        ? crossing(assignment, error)
        : error
    }
  })
}

/** Starts a process that runs the assignment, and the thread between. @throws `ERR_NOT_TRANSFERABLE` if the assignment cannot cross. */
export function startInProcess(owner: ChannelOwner, assignment: Assignment, limits: Limits): Channel {
  try {
    encode(assignment)
  } catch (error) {
    throw crossing(assignment, error)
  }
  const bridge = new URL('./bridge-main.js', import.meta.url).href
  const { command, hasTsx } = commandOf(limits)
  const slots = openSlots()
  return new Channel(owner, { slots }, (ends) =>
    startThread(
      bridge,
      { ...ends, assignment, command, hasTsx, slots: slots?.handleFor(slots.fd) },
      { transferList: [ends.port, ends.lifeline] },
    ),
  )
}

function openSlots(): FileSlots | undefined {
  try {
    return FileSlots.create()
  } catch {
    // Nowhere to make a file: everything goes through the socket.
    return undefined
  }
}

function crossing({ args, build }: Assignment, error: unknown): SpindleError {
  return notTransferable({ args, build }, 'options', error)
}

/** Node's flags and the entry. The process gets the flags of this one, but those for the program that this one runs. */
function commandOf(limits: Limits): { readonly command: readonly string[]; readonly hasTsx: boolean } {
  const { entry, tsx } = entryOf(new URL('./process-main.js', import.meta.url).href)
  const { maxOldGenerationSizeMb, maxYoungGenerationSizeMb } = limits ?? {}
  const flags = [
    ...ownFlags(process.execArgv),
    ...(maxOldGenerationSizeMb === undefined ? [] : [`--max-old-space-size=${maxOldGenerationSizeMb}`]),
    // The young generation is three semi-spaces.
    ...(maxYoungGenerationSizeMb === undefined
      ? []
      : [`--max-semi-space-size=${Math.max(1, Math.round(maxYoungGenerationSizeMb / 3))}`]),
    ...(tsx === undefined || process.execArgv.some((flag) => /\btsx\b/.test(flag))
      ? []
      : ['--import', registering(tsx)]),
  ]
  return { command: [...flags, fileURLToPath(entry)], hasTsx: tsx !== undefined }
}

const WITH_VALUE = /^(-e|--eval|-p|--print|-pe)$/
const OF_PROGRAM =
  /^(--(eval|print|input-type|check|test|watch|inspect|interactive|experimental-default-type)|-[cip])/

function ownFlags(flags: readonly string[]): string[] {
  return flags.filter(
    (flag, i) => !OF_PROGRAM.test(flag) && !WITH_VALUE.test(flag) && !WITH_VALUE.test(flags[i - 1] ?? ''),
  )
}

function registering(tsx: string): string {
  return `data:text/javascript,${encodeURIComponent(`import { register } from ${JSON.stringify(tsx)}; register()`)}`
}
