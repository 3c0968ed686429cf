import { badOption } from '../check.ts'
import { InfrastructureError, messageOf, SpindleError } from '../errors.ts'
import { func, options, type Rules } from '../options/index.ts'
import { brokenCheckpoint, takeState } from './checkpoint-state.ts'
import { bytesOf, checkData, type FileData, Gathered } from './file-data.ts'
import { call, type FileWork, makeFile, run, runSync } from './file-work.ts'
import { checkFolder, checkName } from './names.ts'
import { OutputFolder, type UnplacedFile } from './output-folder.ts'
import { StagedNames } from './staged-names.ts'

/** Options of {@link FileCheckpoint.open}. */
export interface FileCheckpointOptions {
  /**
   * Name of each part, a path relative to the folder. A function of the part's number (0, 1, 2, …)
   * that always gives the same name, and different names for different numbers. Default
   * `part-00000000`, with eight digits or more.
   */
  readonly partName?: (part: number) => string
}

const checkpointOptions = options('FileCheckpointOptions', {
  partName: func({ defaultOf: () => defaultPartName }),
} satisfies Rules<FileCheckpointOptions>)

interface StagedFile {
  readonly temp: string
  readonly name: string
  /** Pending while the file is being written. */
  filling: Promise<void> | undefined
}

/**
 * An output folder whose files are committed together with the state of the pipeline that makes
 * them. After a crash at any point, a power cut included, the folder holds exactly what the state
 * says is done. With a pipeline that is resumed from `state`, every item is in the output exactly
 * once.
 *
 * `write()` appends to the current part, which becomes one file per commit; `writeFile()` makes a
 * file by name. `commit()` makes both visible at once: a file under its own name is complete, on
 * the disk, and committed. The next `open()` removes everything that was not committed.
 *
 * Calls may overlap: a commit includes all calls before it. The forms ending in `Sync` are for
 * consumers that block the event loop; they throw `ERR_CHECKPOINT_BUSY` while a promise of another
 * form is pending. A folder has one writer: the one that opened it last. After a failed write or
 * commit, all further ones fail (`ERR_CHECKPOINT_BROKEN`): open the folder again and build the
 * pipeline from `state`.
 *
 * @example
 * ```ts
 * const output = await FileCheckpoint.open<PipelineState>('embeddings', { partName: (n) => `part-${n}.jsonl` })
 * const pipeline = builder.build({ resumable: true, ...(output.state && { state: output.state }) })
 * for await (const batch of pipeline) {
 *   await output.write(batch.map((row) => `${JSON.stringify(row)}\n`).join(''))
 *   pipeline.commit(batch)
 *   await output.commit(() => pipeline.state())
 * }
 * await output.commit(() => pipeline.state())
 * await output.close()
 * ```
 */
export class FileCheckpoint<S extends object> implements AsyncDisposable {
  readonly #folder: OutputFolder
  readonly #gathered: Gathered = new Gathered()
  #files: StagedFile[] = []
  /** Names of the files of the next commit. */
  #names: StagedNames
  /** Resolves when all earlier calls are done. Never rejects. */
  #tail: Promise<void> = Promise.resolve()
  #unsettled = 0
  #fault: { readonly cause: unknown } | undefined
  #isClosed = false

  private constructor(folder: OutputFolder) {
    this.#folder = folder
    this.#names = new StagedNames(folder.isCaseBlind)
  }

  /**
   * Opens a folder, makes it if it is missing, and cleans up after an earlier run, however that
   * ended.
   *
   * @throws `ERR_BAD_CHECKPOINT` if the folder's content is damaged or is not an output of this
   *   kind; `ERR_CHECKPOINT_WRITE` if the file system refuses
   */
  static async open<S extends object>(
    directory: string | URL,
    options: FileCheckpointOptions = {},
  ): Promise<FileCheckpoint<S>> {
    const { path, partName } = checkArguments(directory, options)
    try {
      return new FileCheckpoint<S>(await run(OutputFolder.open(path, partName)))
    } catch (error) {
      throw writeFault(path, error)
    }
  }

  /** The synchronous form of {@link FileCheckpoint.open}. */
  static openSync<S extends object>(
    directory: string | URL,
    options: FileCheckpointOptions = {},
  ): FileCheckpoint<S> {
    const { path, partName } = checkArguments(directory, options)
    try {
      return new FileCheckpoint<S>(runSync(OutputFolder.open(path, partName)))
    } catch (error) {
      throw writeFault(path, error)
    }
  }

  /** Path of the folder. */
  get directory(): string {
    return this.#folder.path
  }

  /** State of the last commit; `undefined` before the first. */
  get state(): S | undefined {
    return this.#folder.state as S | undefined
  }

  /** Number of commits, those of earlier runs included. */
  get commits(): number {
    return this.#folder.commits
  }

  /** Number of parts, those of earlier runs included. */
  get parts(): number {
    return this.#folder.parts
  }

  /**
   * Files that earlier runs have committed and that cannot get their names, because the file system
   * refuses the name or something is in the way. They are kept complete, and each `open()` tries
   * again.
   */
  get unplaced(): readonly UnplacedFile[] {
    return this.#folder.unplaced
  }

  /**
   * Appends to the current part. Small data is copied and gathered, up to 64 KiB. Wait for the
   * promise before you overwrite the bytes, and to write no faster than the disk.
   */
  async write(data: FileData): Promise<void> {
    this.#check()
    this.#gathered.add(data)
    if (!this.#gathered.isEnough) return
    const chunks = this.#gathered.take()
    await this.#queue(() => run(this.#folder.append(chunks)))
  }

  /** The synchronous form of {@link write}. */
  writeSync(data: FileData): void {
    this.#checkSync()
    this.#gathered.add(data)
    if (this.#gathered.isEnough)
      this.#now(() => runSync(this.#folder.append(this.#gathered.take())))
  }

  /**
   * Makes a file and its folders. Several files may be written at the same time. The commit
   * replaces an existing file of the same name. Of two files with the same name in one commit, the
   * later call wins.
   *
   * @param name path relative to the folder, inside it
   * @param data the content; or a function that makes the file at the path it gets, for libraries
   *   that write files themselves. If the function fails, only this file is not made, and the
   *   promise rejects with its error.
   * @throws `ERR_CHECKPOINT_WRITE` for a name that the file system refuses, that belongs to a part,
   *   or that is in the way of another file; only this file is not made
   */
  async writeFile(
    name: string,
    data: FileData | ((path: string) => void | Promise<void>),
  ): Promise<void> {
    this.#check()
    const file = this.#stage(name, data)
    const path = this.#folder.pathOf(file.temp)
    // In parallel, because most names are valid.
    file.filling = both(
      run(this.#folder.checkPlace(name)),
      typeof data === 'function'
        ? Promise.resolve(path)
            .then(data)
            .then(() => run(call('access', path)))
        : run(makeFile(path, [bytesOf(data)])),
    )
    this.#unsettled++
    try {
      await file.filling
      file.filling = undefined
    } catch (error) {
      this.#unstage(file)
      throw typeof data === 'function' ? error : writeFault(this.directory, error)
    } finally {
      this.#unsettled--
    }
  }

  /** The synchronous form of {@link writeFile}. */
  writeFileSync(name: string, data: FileData | ((path: string) => void)): void {
    this.#checkSync()
    const file = this.#stage(name, data)
    const path = this.#folder.pathOf(file.temp)
    try {
      runSync(this.#folder.checkPlace(name))
      if (typeof data === 'function') {
        if ((data(path) as unknown) instanceof Promise)
          badOption('data', 'a function that has made the file when it returns', data)
        runSync(call('access', path))
      } else runSync(makeFile(path, [bytesOf(data)]))
    } catch (error) {
      this.#unstage(file)
      throw typeof data === 'function' ? error : writeFault(this.directory, error)
    }
  }

  /**
   * Commits everything that was written before, together with the state. When the promise resolves,
   * all of it is on the disk and in its place. Before that, either all of it is there or nothing.
   *
   * @param state is called synchronously, before `commit` returns: `() => pipeline.state()`. The
   *   state and the written data must agree: what it says is done must have been written, and the
   *   reverse. See `docs/checkpoints.md`.
   * @throws `ERR_CHECKPOINT_TAKEN` if another writer has opened the folder since;
   *   `ERR_CHECKPOINT_WRITE` if the file system refuses
   */
  async commit(state: () => S): Promise<void> {
    this.#check()
    const taken = takeState(state)
    const chunks = this.#gathered.take()
    const files = this.#takeFiles()
    await this.#queue(async () => {
      await Promise.all(files.map(({ filling }) => filling))
      await run(this.#commit(chunks, files, taken))
    })
  }

  /** The synchronous form of {@link commit}. */
  commitSync(state: () => S): void {
    this.#checkSync()
    const taken = takeState(state)
    const files = this.#takeFiles()
    this.#now(() => runSync(this.#commit(this.#gathered.take(), files, taken)))
  }

  /** Closes the checkpoint after all earlier calls are done. Removes what is not committed. */
  async close(): Promise<void> {
    if (this.#isClosed) return await this.#tail
    this.#isClosed = true
    await Promise.allSettled(this.#files.map(({ filling }) => filling))
    const closed = this.#tail.then(() => run(this.#close()))
    this.#tail = closed.catch(() => {})
    await closed
  }

  /** The synchronous form of {@link close}. */
  closeSync(): void {
    if (this.#isClosed) return
    if (this.#unsettled > 0) throw busy()
    this.#isClosed = true
    runSync(this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  *#commit(
    chunks: readonly Uint8Array[],
    files: readonly StagedFile[],
    state: object,
  ): FileWork<void> {
    if (chunks.length > 0) yield* this.#folder.append(chunks)
    yield* this.#folder.commit(
      files.map(({ temp, name }) => ({ temp, name })),
      state,
    )
  }

  *#close(): FileWork<void> {
    // After a failed commit, a manifest may name its files. The next `open()` finds out, so they
    // stay.
    yield* this.#fault === undefined ? this.#folder.close() : this.#folder.abandon()
  }

  #stage(name: string, data: unknown): StagedFile {
    checkName('name', name)
    if (typeof data !== 'function') checkData(data)
    this.#folder.checkNotPart(name)
    this.#names.add(name)
    const file = { temp: this.#folder.nextTemp(name), name, filling: undefined }
    this.#files.push(file)
    return file
  }

  /** Removes a file that was not made. If a commit has it already, that commit fails. */
  #unstage(file: StagedFile): void {
    if (!this.#files.includes(file)) return
    this.#files = this.#files.filter((other) => other !== file)
    this.#names.remove(file.name)
  }

  #takeFiles(): readonly StagedFile[] {
    const files = this.#files
    this.#files = []
    this.#names = new StagedNames(this.#folder.isCaseBlind)
    return files
  }

  /** Runs work in the order of the calls, one at a time. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#unsettled++
    const done = this.#tail.then(async () => {
      try {
        if (this.#fault !== undefined) throw brokenCheckpoint(this.#fault.cause)
        await work()
      } catch (error) {
        throw this.#broken(error)
      } finally {
        this.#unsettled--
      }
    })
    this.#tail = done.catch(() => {})
    return done
  }

  #now(work: () => void): void {
    try {
      work()
    } catch (error) {
      throw this.#broken(error)
    }
  }

  #broken(error: unknown): unknown {
    const fault = writeFault(this.directory, error)
    this.#fault ??= { cause: fault }
    return fault
  }

  #check(): void {
    if (this.#fault !== undefined) throw brokenCheckpoint(this.#fault.cause)
    if (this.#isClosed)
      throw new InfrastructureError('ERR_CHECKPOINT_CLOSED', 'the checkpoint was closed')
  }

  #checkSync(): void {
    this.#check()
    if (this.#unsettled > 0) throw busy()
  }
}

function checkArguments(
  directory: unknown,
  options: FileCheckpointOptions,
): { path: string; partName: (part: number) => string } {
  return { path: checkFolder(directory), ...checkpointOptions.check(options) }
}

function defaultPartName(part: number): string {
  return `part-${String(part).padStart(8, '0')}`
}

/**
 * Waits until both are settled. Then rejects with the first argument's error, or else with the
 * second's.
 */
async function both(first: Promise<void>, second: Promise<void>): Promise<void> {
  for (const end of await Promise.allSettled([first, second]))
    if (end.status === 'rejected') throw end.reason
}

function writeFault(path: string, error: unknown): unknown {
  if (error instanceof SpindleError) return error
  return new SpindleError('ERR_CHECKPOINT_WRITE', `${path}: ${messageOf(error)}`, { cause: error })
}

function busy(): SpindleError {
  return new SpindleError(
    'ERR_CHECKPOINT_BUSY',
    'a synchronous call while a promise of this checkpoint is unsettled: wait for it first',
  )
}
