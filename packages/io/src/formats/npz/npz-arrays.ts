import type { AnyNdArray } from '../../base/array.ts'
import { badOption, MediaError } from '../../base/errors.ts'
import type { Reader, Routine } from '../../files/routine.ts'
import {
  checkGetOptions,
  findMember,
  type NpzGetOptions,
  type NpzMembers,
  type NpzPlan,
  readArray,
} from './npz-members.ts'

/** The common parts of an open npz, whatever the form. */
export abstract class NpzArrays<R extends Reader> {
  /** The source in messages: a path, a URL, or a number of bytes. */
  readonly source: string
  protected readonly reader: R
  private readonly members: NpzMembers
  private readonly plan: NpzPlan

  /** @internal */
  constructor(source: string, reader: R, members: NpzMembers, plan: NpzPlan) {
    this.source = source
    this.reader = reader
    this.members = members
    this.plan = plan
  }

  /** The names of the arrays, in the order of the file, without `.npy`. */
  keys(): string[] {
    return [...this.members.keys()]
  }

  /** Whether there is an array with that name. */
  has(name: string): boolean {
    return this.members.has(name)
  }

  /**
   * Reads one array.
   *
   * @throws MediaError `ERR_BAD_OPTION` at once
   */
  protected routineOf(name: string, options: NpzGetOptions, isOpen: boolean): Routine<AnyNdArray> {
    if (typeof name !== 'string') throw badOption('name', 'a string', name)
    checkGetOptions(options)
    return this.read(name, options, isOpen)
  }

  private *read(name: string, options: NpzGetOptions, isOpen: boolean): Routine<AnyNdArray> {
    if (!isOpen) throw new MediaError('ERR_BAD_STATE', 'the npz is closed')
    const entry = findMember(this.members, name)
    return yield* readArray(entry, options, this.plan, this.reader.isOwn)
  }
}
