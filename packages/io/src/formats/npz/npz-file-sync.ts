import type { AnyNdArray } from '../../base/array.ts'
import { MediaError, withSource } from '../../base/errors.ts'
import type { OpenSyncReader } from '../../files/reader.ts'
import { runSync } from '../../files/routine.ts'
import { checkName } from './npz-file.ts'
import {
  checkGetOptions,
  findMember,
  type NpzGetOptions,
  type NpzMembers,
  type NpzPlan,
  readArray,
} from './npz-members.ts'

/**
 * An open npz whose arrays are read synchronously: that of `parseNpz`, and of `loadNpz` in
 * `@spindle/io/sync`.
 */
export class NpzFileSync {
  /** What it was read from: a path, a URL, or a number of bytes. */
  readonly source: string
  private readonly reader: OpenSyncReader
  private readonly members: NpzMembers
  private readonly plan: NpzPlan
  private isClosed = false

  /** @internal */
  constructor(source: string, reader: OpenSyncReader, members: NpzMembers, plan: NpzPlan) {
    this.source = source
    this.reader = reader
    this.members = members
    this.plan = plan
  }

  /** The names of the arrays, in the order of the file, without `.npy`. */
  keys(): string[] {
    return [...this.members.keys()]
  }

  /** Whether there is an array of that name. */
  has(name: string): boolean {
    return this.members.has(name)
  }

  /** Reads one array, as `NpzFile.get` does. @throws MediaError as `NpzFile.get` */
  get(name: string, options: NpzGetOptions = {}): AnyNdArray {
    checkName(name)
    checkGetOptions(options)
    try {
      if (this.isClosed) throw new MediaError('ERR_BAD_STATE', 'the npz is closed')
      const entry = findMember(this.members, name)
      const { reader } = this
      return runSync(readArray(entry, options, this.plan, reader.isOwn), { reader })
    } catch (error) {
      throw withSource(error, this.source)
    }
  }

  /** Lets go of the file. May be called again. */
  close(): void {
    this.isClosed = true
    this.reader.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
